# What commands need of engine/serve, apart from the services: the archive, the control socket, the commands themselves.
set(LEAT_SERVE_COMMAND_SOURCES
  archive.c command_export.c command_ls.c command_problems.c command_stats.c command_verify.c commands.c listing.c control.c control_client.c control_wire.c
  replay.c)
