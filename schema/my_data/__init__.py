"""Everything that is held about a person, for that person: as JSON, and as a page to be printed."""
