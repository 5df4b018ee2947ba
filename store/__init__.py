"""The log on PostgreSQL, and the database underneath it."""
