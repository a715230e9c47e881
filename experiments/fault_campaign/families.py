"""All cases of the campaign."""

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import (
  campaign,
  damage,
  disks,
  flags,
  hostile,
  kills,
  many,
  memory,
  pictures,
  web,
  workdirs,
)

FAMILIES = (
  *(kills, many, damage, disks, workdirs, memory),
  *(flags, pictures, web, hostile),
)


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of every family, in the order of the table."""
  return [case for family in FAMILIES for case in family.cases(bench)]
