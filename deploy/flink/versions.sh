# Versions and checksums of the session cluster, read by fetch.sh and up.sh. A new version needs a new checksum.

# Flink's jars, from its package on PyPI. Beam has runners for 1.19, 1.20 and 2.x.
flink_version=1.19.3
flink_package=apache-flink-libraries
flink_sha256=4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60

# Beam's job server: job-server/pom.xml lists its parts, job-server/SHA256SUMS the checksum of every jar.
