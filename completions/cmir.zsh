#compdef cmir
# cmir's words for zsh. In ~/.zshrc, after compinit: source <(cmir completion zsh)
_cmir() {
  local line value paths=''
  local -a whole begun
  while IFS= read -r line; do
    case $line in
      :files) paths=files ;;
      :folders) paths=folders ;;
      ?*)
        value=${line%%$'\t'*}
        line="${value//:/\\:}:${line#*$'\t'}"
        # After these a value follows, not a space.
        if [[ $value == *[=:] ]]; then begun+=("$line"); else whole+=("$line"); fi
        ;;
    esac
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  case $paths in
    files) compset -P '--*='; _files ;;
    folders) compset -P '--*='; _files -/ ;;
    *)
      if (( ${#whole} )); then _describe -V cmir whole; fi
      if (( ${#begun} )); then _describe -V cmir begun -S ''; fi
      ;;
  esac
}
if [[ ${funcstack[1]} == _cmir ]]; then _cmir "$@"; else compdef _cmir cmir; fi
