# The bash kernel: runs requests from fd 3, answers on fd 4 (docs/reference/kernel-protocol.md).
#
# Only an interactive shell comes back to its reader after an interrupt, after `${x:?}` and after an unset variable
# under `set -u`, with everything it holds. So the kernel is an interactive bash without a terminal, whose commands come
# from a pipe that it fills itself, three lines a request: next, run, done. User code is evaluated at the top level,
# not in a function, so that `declare` makes globals; the kernel's descriptors are closed around it by redirections of
# `eval`, whose saved copies are close-on-exec, so that commands do not inherit them.
if [[ $- != *i* ]]; then
  __glovebox_kernel=$BASH_SOURCE
  exec {__glovebox_in}<&0 {__glovebox_err}>&2
  exec 0<<<'source "$__glovebox_kernel"'
  [[ -p /proc/self/fd/0 ]] || exec 0<> <(echo 'source "$__glovebox_kernel"') # before bash 5.1
  export __glovebox_kernel __glovebox_in __glovebox_err __glovebox_state
  PS1='' PS2='' exec "$BASH" --norc --noprofile --noediting +m -i 2>/dev/null
fi

if [[ $__glovebox_state ]]; then # it goes on after a shell that ended: see __glovebox_ended
  source "/proc/self/fd/$__glovebox_state" 2>/dev/null
  exec {__glovebox_state}<&-
fi
exec 2>&"$__glovebox_err" {__glovebox_err}>&- {__glovebox_queue}>/proc/self/fd/0
exec {__glovebox_requests}<&3 {__glovebox_answers}>&4 3<&- 4>&-
export -n __glovebox_kernel __glovebox_in __glovebox_err __glovebox_state PS1 PS2
unset HISTFILE MAILCHECK PROMPT_COMMAND GLOVEBOX_KERNEL_LOAD __glovebox_err
set +o history +o histexpand
shopt -u checkwinsize

# How user code is evaluated: with the session's stdin and without the kernel's descriptors.
printf -v __glovebox_fds '0<&%d %d<&- %d<&- %d>&- %d>&-' "$__glovebox_in" "$__glovebox_in" "$__glovebox_requests" \
  "$__glovebox_answers" "$__glovebox_queue"
trap '' INT

__glovebox_quote() { # text -> $__glovebox_text, as a JSON string
  local LC_ALL=C text=${1:0:65536} c
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  if [[ $text == *[[:cntrl:]]* ]]; then
    text=${text//$'\n'/\\n}
    text=${text//$'\t'/\\t}
    text=${text//$'\r'/\\r}
    text=${text//[[:cntrl:]]/?}
  fi
  __glovebox_text=\"$text\"
}

__glovebox_send() {
  builtin printf '%s\n' "$1" >&"$__glovebox_answers"
}

__glovebox_cpu() { # -> $__glovebox_ticks: CPU time of this shell and its children, in hundredths of a second
  local IFS=$' \t\n'
  local -a stat
  builtin read -r -a stat </proc/$$/stat
  __glovebox_ticks=$((stat[13] + stat[14] + stat[15] + stat[16]))
}

exit() { # ends the request, not the shell; a subshell ends as ever
  local status=$?
  ((BASH_SUBSHELL)) && builtin exit "${1-$status}"
  __glovebox_exit=$((${1-$status} & 255))
  # Back to the reader: a variable that is demanded and unset does that, and unlike an interrupt it can be silent.
  builtin unset -v __glovebox_never
  { builtin : "${__glovebox_never:?}"; } 2>/dev/null
}

# The shell ends although only the user's code should: `set -e`, or an `exit` that is not ours. Another one takes over its
# process, descriptors and state; background jobs go on, but it cannot wait for them.
__glovebox_ended() {
  __glovebox_exit=$?
  [[ $- == *e* ]] && __glovebox_errexit=1
  builtin set +eu
  builtin trap '' INT
  builtin trap - EXIT DEBUG ERR
  exec 0<&"$__glovebox_in" 3<&"$__glovebox_requests" 4>&"$__glovebox_answers" || builtin return
  exec {__glovebox_in}<&- {__glovebox_requests}<&- {__glovebox_answers}>&- {__glovebox_queue}>&-
  builtin unset -v __glovebox_in __glovebox_requests __glovebox_answers __glovebox_queue __glovebox_fds __glovebox_err
  exec {__glovebox_state}<<<"$(
    builtin unset -v __glovebox_state
    builtin declare -p
    builtin declare -f
    builtin alias -p
    builtin shopt -p
    builtin set +o
  )"
  builtin export __glovebox_state
  exec "$BASH" "$__glovebox_kernel"
}

__glovebox_next() { # reads a request and queues what is to be done with it
  local verb id mode options source args=() cwd='' envs=() stdin='' entry name
  while :; do
    IFS= builtin read -r -d '' -u "$__glovebox_requests" verb || builtin exit 0 2>/dev/null
    IFS= builtin read -r -d '' -u "$__glovebox_requests" id
    IFS= builtin read -r -d '' -u "$__glovebox_requests" mode
    IFS= builtin read -r -d '' -u "$__glovebox_requests" options
    IFS= builtin read -r -d '' -u "$__glovebox_requests" source
    builtin eval "$options"
    [[ $verb == renew ]] || break
    # It is a copy of another: numbers of its own, and the environment of the session it came to.
    RANDOM=${SRANDOM-$(od -An -N4 -tu4 /dev/urandom)}
    for entry in "${envs[@]}"; do builtin export "$entry" 2>/dev/null; done
    envs=()
  done
  __glovebox_cpu
  __glovebox_quote "$id"
  __glovebox_id=$__glovebox_text __glovebox_start=$__glovebox_ticks __glovebox_source=$source
  __glovebox_args=("${args[@]}") __glovebox_was=() __glovebox_set=() __glovebox_back='' __glovebox_argv0=$0
  builtin unset -v __glovebox_status __glovebox_exit __glovebox_refused
  for entry in "${envs[@]}"; do
    name=${entry%%=*}
    __glovebox_was+=("${!name+=}${!name-}")
    __glovebox_set+=("$entry")
    builtin export "$entry" 2>/dev/null
  done
  if [[ $cwd ]]; then
    __glovebox_back=$PWD
    builtin cd -- "$cwd" 2>/dev/null || __glovebox_refused="cannot change to the folder $cwd"
  fi
  if [[ $stdin ]]; then
    builtin eval "exec $__glovebox_in<\"\$stdin\"" && __glovebox_piped=1
  fi
  [[ $mode == file && ! -f $source ]] && __glovebox_refused="no such file: $source"
  local run=
  if [[ -v __glovebox_refused ]]; then
    run='__glovebox_status=1'
  elif [[ $mode == file ]]; then
    [[ $source == */* ]] || __glovebox_source=./$source
    BASH_ARGV0=$source
    run="builtin source \"\$__glovebox_source\" \"\${__glovebox_args[@]}\" $__glovebox_fds; __glovebox_status=\$?"
  else
    ((${#args[@]})) && run='builtin set -- "${__glovebox_args[@]}"; '
    run+="builtin eval \"\$__glovebox_source\" $__glovebox_fds; __glovebox_status=\$?"
  fi
  __glovebox_run="builtin trap - INT DEBUG ERR; builtin trap __glovebox_ended EXIT; ${__glovebox_errexit:+builtin set -e; }$run; "
  __glovebox_run+="builtin trap '' INT; builtin trap - DEBUG ERR"
  __glovebox_errexit=
  # The reader takes them a byte at a time, so the lines are short.
  builtin printf 'builtin eval "$__glovebox_run"\n__glovebox_done\n__glovebox_next\n' >&"$__glovebox_queue"
}

__glovebox_done() { # answers; code that was cut off has left no status of its own
  local ended=$? name message fields index entry line
  [[ $- == *e* ]] && __glovebox_errexit=1
  builtin set +e
  builtin trap '' INT
  local status=${__glovebox_status-$ended}
  if [[ -v __glovebox_exit ]]; then
    status=$__glovebox_exit
  fi
  if [[ ! -v __glovebox_status && ! -v __glovebox_exit && $ended == 130 ]]; then
    fields='"name":"Interrupted","message":"interrupted","exitCode":130'
  elif ((status == 0)); then
    fields=
  else
    name=ExitStatus message=${__glovebox_refused-"ended with status $status"}
    fields="\"exitCode\":$status"
    if ((status == 2)) && ! line=$("$BASH" -n 2>&1 <<<"$__glovebox_source"); then
      name=SyntaxError message=$line
      [[ $line =~ line\ ([0-9]+): ]] && fields+=",\"line\":${BASH_REMATCH[1]}"
    fi
    __glovebox_quote "$message"
    fields="\"name\":\"$name\",\"message\":$__glovebox_text,$fields"
  fi
  for index in "${!__glovebox_set[@]}"; do
    entry=${__glovebox_set[index]} name=${__glovebox_set[index]%%=*}
    [[ $name=${!name-} == "$entry" ]] || continue # the code set it anew: that stays
    if [[ ${__glovebox_was[index]} ]]; then builtin export "$name${__glovebox_was[index]}"; else unset -v "$name"; fi
  done
  [[ $__glovebox_back ]] && builtin cd -- "$__glovebox_back" 2>/dev/null
  BASH_ARGV0=$__glovebox_argv0
  if [[ ${__glovebox_piped-} ]]; then
    builtin eval "exec $__glovebox_in</dev/null"
    __glovebox_piped=
  fi
  __glovebox_cpu
  if [[ $fields ]]; then
    __glovebox_send "{\"t\":\"exception\",\"id\":$__glovebox_id,$fields}"
  else
    __glovebox_send "{\"t\":\"value\",\"id\":$__glovebox_id,\"type\":\"status\",\"preview\":\"0\",\"json\":0}"
  fi
  __glovebox_send "!{\"t\":\"done\",\"id\":$__glovebox_id,\"cpuMs\":$(((__glovebox_ticks - __glovebox_start) * 10))}"
}

if [[ -v __glovebox_exit ]]; then
  __glovebox_done
else
  __glovebox_send "{\"t\":\"ready\",\"language\":\"bash\",\"version\":\"${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}.${BASH_VERSINFO[2]}\"}"
fi
builtin echo __glovebox_next >&"$__glovebox_queue"
