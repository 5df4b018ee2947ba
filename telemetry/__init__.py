"""What operators see of a process: metrics, spans and log lines, without anybody's personal data."""
