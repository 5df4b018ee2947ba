-- The next version of the visas' read model is built from event one.
DROP TABLE IF EXISTS visa_v2;
