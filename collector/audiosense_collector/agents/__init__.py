"""Agents, enrolment keys, credentials, trust."""
