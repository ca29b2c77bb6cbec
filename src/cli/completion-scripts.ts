import type { OptionTable } from '../lib/options.ts';
import type { SHELLS } from './complete.ts';

export const completionOptions = {} as const satisfies OptionTable;

/** Each asks the program itself, `kcg __complete`, so that a shell never knows other flags than the program. */
export const COMPLETION_SCRIPTS: Record<(typeof SHELLS)[number], string> = {
  bash: `# bash completion of kcg: source <(kcg completion bash)
_kcg() {
  local words=() word i glue=0 out directive line value before= breaks=\${COMP_WORDBREAKS//[^:=]/}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $breaks && -n $word && -z \${word//[$breaks]/} && \${#words[@]} -gt 0 ]]; then
      words[\${#words[@]} - 1]+=$word
      glue=1
    elif ((glue)); then
      words[\${#words[@]} - 1]+=$word
      glue=0
    else
      words+=("$word")
    fi
  done
  word=\${words[\${#words[@]} - 1]}
  [[ -n $breaks ]] && before=\${word%"\${word##*[$breaks]}"}
  out=$("$1" __complete "\${words[@]}" 2>/dev/null) || return
  directive=\${out##*:}
  COMPREPLY=()
  while IFS= read -r line; do
    value=\${line%%$'\\t'*}
    [[ -n $value && $value != :* ]] || continue
    COMPREPLY+=("\${value#"$before"}")
  done <<<"$out"
  if ((directive == 0 && \${#COMPREPLY[@]} == 0)); then
    value=
    [[ $word == --*=* ]] && value=\${word%%=*}=
    while IFS= read -r line; do
      line=$value$line
      COMPREPLY+=("\${line#"$before"}")
    done < <(compgen -f -- "\${word#"$value"}")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _kcg kcg
`,
  zsh: `#compdef kcg
# zsh completion of kcg: source <(kcg completion zsh), or as a file _kcg in $fpath
_kcg() {
  local out directive line value
  local -a described
  out=$(\${words[1]} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null) || return 1
  directive=\${out##*:}
  for line in "\${(@f)out}"; do
    [[ -z $line || $line == :* ]] && continue
    value=\${line%%$'\\t'*}
    if [[ $line == *$'\\t'* ]]; then
      described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    else
      described+=("\${value//:/\\\\:}")
    fi
  done
  if (( $#described )); then
    _describe -V kcg described
  elif (( directive == 0 )); then
    compset -P '--*='
    _files
  fi
}
if [[ "\${funcstack[1]}" == _kcg ]]; then
  _kcg "$@"
else
  compdef _kcg kcg
fi
`,
  fish: `# fish completion of kcg: kcg completion fish | source
function __kcg_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l out (kcg __complete $words[2..-1] "$current" 2>/dev/null)
  if test "$out[-1]" = ":0"
    set -l flag (string match -r '^--[^=]*=' -- "$current")
    for path in (__fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current"))
      echo "$flag$path"
    end
  end
  for line in $out
    string match -q ':*' -- $line; or echo $line
  end
end
complete -c kcg -f -a '(__kcg_complete)'
`,
  kubectl: `#!/bin/sh
# completion of "kubectl kcg": this file, executable, as kubectl_complete-kcg on the PATH
exec kubectl-kcg __complete "$@"
`,
};
