# Stages as jobs of Slurm: `make run RUNNER=slurm ...` submits all that is to be made, each job after those that make its inputs, and ends;
# no shell has to stay. The same command again submits what has failed since, and no more. `make watch` and `make plan` tell how far it
# is; when all is made, the command without RUNNER shows the results.
#
# What a job asks for, of all stages or, with .STAGE behind the name (JOB_TIME.sidgen-train), of one:
#
#     JOB_PARTITION=long     JOB_CPUS=8     JOB_MEMORY=16G     JOB_TIME=2:00:00     JOB_FLAGS="--account=me"     any of sbatch's
#     RANKS=4                processes of rqvae, sidgen-train and qarm-rl, by TRAIN_RUN, and JOB_CPUS is each one's
#
# Folders must be on a file system that all nodes see: pipelines/stage says what of it is relied on.

RANKS        ?= 1
JOB_RANKS    ?= 1
JOB_RANKS.rqvae        ?= $(RANKS)
JOB_RANKS.sidgen-train ?= $(RANKS)
JOB_RANKS.qarm-rl      ?= $(RANKS)
ifneq ($(RANKS),1)
TRAIN_RUN    ?= mpirun -n $(RANKS)
endif

job-asks  = $(or $($1.$2),$($1))
job-flags = $(foreach ask,JOB_PARTITION=partition JOB_CPUS=cpus-per-task JOB_MEMORY=mem JOB_TIME=time JOB_RANKS=ntasks,\
	$(addprefix --$(lastword $(subst =, ,$(ask)))=,$(call job-asks,$(firstword $(subst =, ,$(ask))),$1))) $(call job-asks,JOB_FLAGS,$1)
# FOLDER, STAGE
submit    = $(here)slurm submit $1 $(call quoted,$(strip $(call job-flags,$2))) '$(inputs.$1)'
