-- Files of tables are noted from now on only when no transaction could see what was deleted: once more for those that wait.
UPDATE erasures SET waits_for = NULL WHERE rewritten_at IS NULL;
