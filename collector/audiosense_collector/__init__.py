"""AudioSense collector: ingest, storage, training, models and the dashboard's server."""
