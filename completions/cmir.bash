# cmir's words for bash, 3.2 or later. In ~/.bashrc: source <(cmir completion bash)
_cmir() {
  local word line current start kind='' last=-1
  local -a words
  words=()
  COMPREPLY=()
  # Bash takes = and : for words of their own; they are parts of ours.
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ $last -ge 0 && ( $word == [=:] || ${words[last]} == *[=:] ) ]]; then
      words[last]+=$word
    else
      last=$((last + 1))
      words[last]=$word
    fi
  done
  current=${words[last]}
  # A reply takes the place of what stands after the last of these.
  start=${current%"${current##*[=:]}"}
  while IFS= read -r line; do
    case $line in
      :files) kind=-f ;;
      :folders) kind=-d ;;
      ?*)
        line=${line%%$'\t'*}
        COMPREPLY+=("${line#"$start"}")
        ;;
    esac
  done < <("$1" __complete "${words[@]}" 2>/dev/null)
  if [[ -n $kind ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do
      COMPREPLY+=("$line")
    done < <(compgen "$kind" -- "${current#"$start"}")
  elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _cmir cmir
