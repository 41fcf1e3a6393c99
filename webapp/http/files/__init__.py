"""Files as answers: ranges, validators, attachments and front-end files."""
