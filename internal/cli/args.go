package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usage makes err one of a wrong command line.
func usage(cmd *cobra.Command, err error) error {
	return &codedError{exitUsage, fmt.Errorf("%w: run '%s --help' to see how it is used", err, cmd.CommandPath())}
}

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return usage(cmd, fmt.Errorf(format, args...))
}

// noArgs refuses arguments; on the root these are unknown commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return usagef(cmd, "%s takes no arguments, not %q", cmd.Name(), args[0])
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return usage(cmd, errors.New(text))
}

// atMostOne allows one argument, called what.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef(cmd, "one %s is expected, not %d", what, len(args))
		}
		return nil
	}
}

// oneArg asks for exactly one argument, called what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usagef(cmd, "%s is missing", what)
		case 1:
			return nil
		}
		return usagef(cmd, "%s alone is expected, not %s", what, plural(len(args), "argument"))
	}
}
