"""Four real processes, real Kafka and PostgreSQL, and nothing but public doors."""
