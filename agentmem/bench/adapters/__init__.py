"""Other laboratories: agents with a memory in their matches, our games and runs in their tools.

`axelrod`       agents as players of the Axelrod library              (extra `axelrod`)
`pettingzoo`    games as multi-agent environments                     (extra `pettingzoo`)
`inspect`       a suite's cell as a task of Inspect                   (extra `inspect`)
`inspect_log`   a finished run as logs that Inspect's viewer opens    (extra `inspect`)

Each is imported by its own name, and imports its library when it is used.
"""
