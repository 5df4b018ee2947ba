-- Whose case it is: a command on a person's visa first records what is due on all of theirs.
ALTER TABLE due ADD COLUMN person_id uuid;
UPDATE due SET person_id = coalesce(first.data ->> 'holder_id', first.data ->> 'violator_id')::uuid
FROM (
    SELECT originator_id, convert_from(state, 'UTF8')::json -> 'data' AS data
    FROM sijil_events WHERE originator_version = 1 AND originator_id IN (SELECT stream FROM due)
) first
WHERE originator_id = stream;
ALTER TABLE due ALTER COLUMN person_id SET NOT NULL;
CREATE INDEX due_of_person ON due (person_id, on_day);

-- Numbers of visas that no feed has brought.
CREATE SEQUENCE visa_numbers START WITH 9000000001 MAXVALUE 9999999999;

-- Its next version is built from event one.
DROP TABLE IF EXISTS visa_v1;
