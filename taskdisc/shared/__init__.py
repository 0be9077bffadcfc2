"""What a team shares: results in a store that several machines reach, behind the local one.

A remote is a few operations on named byte objects (`protocols.RemoteStore`); all else is here:

    objects/<sha256 of the bytes>                    large values and contents of files, as the local store has them
    records/<family>/<sha256 of the bytes>           manifests: results of one task with one code and settings

- Both are immutable and called by what is in them: who wrote one twice has changed nothing, and whatever arrives is
  compared with its name before it is believed. A bad or missing object is a miss: the task runs.
- Reading: a run that finds all it needs in the local index asks nobody. At the first miss it lists `records/` once
  (a request for each 1000 manifests), fetches the manifests of its own families that it has not seen before, and takes
  their results into the local index. From there on, a shared result is one like any other. Its value is fetched by
  whoever opens it; files of a result, when the result is looked at.
- Writing: results are durable here first. While the run goes on, and at its end, the objects go out and then, once
  they are all there, a manifest for each family. `taskdisc push` sends what could not be sent.
- A remote that fails is left alone for a while: then everything is as if nothing were shared.
"""
