"""From log lines to tables and plots."""
