"""From folder to job: scanning, settling, planning, remembering."""
