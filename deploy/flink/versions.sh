# What the session cluster is made of. Read by fetch.sh and up.sh; a new version is a new checksum, too.

# Flink, as packed on PyPI for Python users: the jars of the distribution. Beam has a runner for 1.19, 1.20 and 2.x.
flink_version=1.19.3
flink_package=apache-flink-libraries
flink_sha256=4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60

# Beam's job server: job-server/pom.xml says what of, job-server/SHA256SUMS holds the checksum of every jar in it.
