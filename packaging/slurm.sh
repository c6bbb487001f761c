#!/bin/bash
# An example: nodes of a Slurm cluster make masks for a nobgd elsewhere (docs/cluster.md).
# Each task has a name and a secret of its own.  First, on the machine with the photos:
#
#   for n in 0 1 2 3; do sudo nobgd cluster invite slurm-$n; done
#
# then, with the join files in ~/nobgd-join (mode 0700) and nobgd[cluster] in ~/nobgd:
#
#   sbatch packaging/slurm.sh
#SBATCH --job-name=nobgd
#SBATCH --array=0-3
#SBATCH --cpus-per-task=4
#SBATCH --mem=3G
#SBATCH --time=04:10:00
#SBATCH --signal=B:TERM@90
set -euo pipefail
join=${NOBGD_JOIN:-$HOME/nobgd-join}/slurm-${SLURM_ARRAY_TASK_ID:?is set by sbatch}.join
export CACHE_DIRECTORY=${TMPDIR:-/tmp}/nobgd-$SLURM_ARRAY_TASK_ID
mkdir -p "$CACHE_DIRECTORY"
exec "${NOBGD:-$HOME/nobgd/bin/nobgd}" worker --join "$join" --for 4h --drain-at-end
