"""Messages to people by e-mail, chat and the like, through apprise."""
