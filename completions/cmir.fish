# cmir's words for fish: cmir completion fish > ~/.config/fish/completions/cmir.fish
function __cmir_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path (string replace -r '^--[^=]*=' '' -- "$current")
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$path"
            case ':folders'
                __fish_complete_directories "$path"
            case '?*'
                printf '%s\n' $line
        end
    end
end
complete -c cmir -f -a '(__cmir_complete)'
