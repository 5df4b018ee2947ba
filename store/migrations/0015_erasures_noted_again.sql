-- Files of tables are noted from now on only when no transaction could see what was deleted: once more for those that wait.
UPDATE erasures SET waits_for = NULL WHERE rewritten_at IS NULL;

-- Digests of commands are keyed and yet of somebody's ID: of them, too, the catalogue keeps no examples (see 0012).
ALTER TABLE command_ids ALTER digest TYPE bytea, ALTER digest SET STATISTICS 0, ALTER input TYPE bytea, ALTER input SET STATISTICS 0;
