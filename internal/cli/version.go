package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for a release:
// -ldflags "-X github.com/fixpoint-cd/fixpoint/internal/cli.version=v1.2.3".
var version string

// build says what was built from what.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// devVersion is the version of a build that nobody gave one.
const devVersion = "dev"

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		if v := info.Main.Version; v != "(devel)" {
			b.Version = cmp.Or(b.Version, v)
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.time":
				b.Time = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	b.Version = cmp.Or(b.Version, devVersion)
	return b
}

// Version is that of this program.
func Version() string { return thisBuild().Version }

func newVersion(Deps) *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  fixpoint version\n  fixpoint version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			if out != formatTable {
				return out.data(cmd.OutOrStdout(), b)
			}
			printf(cmd.OutOrStdout(), "fixpoint %s\n", b)
			return nil
		},
	}
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

func (b build) String() string {
	text := b.Version
	if b.Commit != "" {
		text += " commit " + short(b.Commit)
	}
	if b.Modified {
		text += " (modified)"
	}
	return text + " " + b.Go + " " + b.Platform
}

// short is a commit id as people write it.
func short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}
