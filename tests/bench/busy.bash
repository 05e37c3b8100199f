# For benchmarks to begin with: warns when the machine does other things.
awk '$1 > 0.5 { print "WARNING: the machine is busy (load " $1 "): do not trust these figures, but for those by processor time" }' /proc/loadavg >&2
