//! RabbitMQ: the connection, its topology, the consumer of reports, the publisher of announcements and dead letters.
