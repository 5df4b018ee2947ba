"""What is true and who may change it: aggregates, rules and formats, without input, output or a clock."""
