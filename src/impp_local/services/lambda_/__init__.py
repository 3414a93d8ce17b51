"""Lambda: functions run from their zips in worker processes."""
