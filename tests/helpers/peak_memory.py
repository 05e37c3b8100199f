#!/usr/bin/python3
"""peak_memory.py FILE COMMAND...: runs a command and adds to FILE a line of the most memory in MB that it has taken."""
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "a") as f:
    f.write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}\n")
sys.exit(status)
