-- Violations with their files, refunds, further periods to pay, questions and courts: built anew from event one.
DROP TABLE IF EXISTS violation_v1;
