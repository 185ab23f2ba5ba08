export const RUN_HELP = `Usage: glovebox run [options] (FILE [ARGS…] | -e CODE [ARGS…] | - [ARGS…])

Runs a program in a sandbox: its own stdout, stderr and exit code. Only FILE itself is given to the sandbox.
Without a running server it runs in this process; nothing is kept.

  FILE                    the language is told by its ending or its #! line
  -e, --eval CODE         run this code (Python unless --lang says otherwise)
  -                       read the code from stdin

Options (before FILE; what comes after is the program's):
  -i, --isolation NAME    isolate, bubblewrap, gvisor, microvm, firecracker
  -l, --lang NAME         python, javascript, typescript, bash, rust
  -t, --template NAME     a template of the server, or a ready-made one
      --timeout SECONDS   stop it after this long (exit code 124)
      --env NAME[=VALUE]  an environment variable; without VALUE this shell's. Can be repeated
      --allow-partial     run although a limit cannot be enforced here
      --local             run in this process although a server answers
      --json              print the finished execution and its events instead
      --url URL           the server to use (GLOVEBOX_URL)
      --token TOKEN       its token (GLOVEBOX_TOKEN)
      --data DIR          the data folder in which a local server is looked for (GLOVEBOX_DATA)
  -h, --help

Exit codes: the program's own; 124 time limit, 137 memory limit, 152 CPU limit, 153 event or output limit, 159 forbidden
system call, 130 interrupted; 1 failed, 2 usage, 3 not found, 4 denied, 5 unavailable.
`;
