// Package cli is the command line: flags, output, and the commands that only
// need a cluster's API, that of a Fixpoint server, or a directory. What needs the engine or a dialect is
// given to it as functions, so that it can be used and tested without them.
//
// Results go to standard output, everything else to standard error, so that
// output can be piped. Nothing is coloured. Every error says what to do next.
package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Deps are what the commands do and don't know how to.
type Deps struct {
	// Controller runs the reconciler until ctx ends.
	Controller func(context.Context, ControllerFlags) error
	// Demo runs the demo until ctx ends, or once.
	Demo func(context.Context, DemoFlags) error

	// Inspect says what a sync of an app would change, and changes nothing.
	Inspect func(context.Context, InspectFlags) (Inspection, error)
	// Actions are what can be done with objects of an Application now; an error does
	// not mean that there are none. Act does one of it with the one object of the flags
	// and says what was done, a text each, even where the rest failed.
	Actions func(context.Context, ActionFlags) ([]ObjectAction, error)
	Act     func(ctx context.Context, flags ActionFlags, action string, params map[string]string) ([]string, error)
	// Declared reads an object of a dialect; false if it is none. What it refers
	// to is looked for in world.
	Declared func(u *unstructured.Unstructured, world []*unstructured.Unstructured) (Declared, bool)
	// Tree is a directory of the disk; nothing outside of it can be read.
	Tree func(dir string) (model.Tree, error)
	// Workbench renders and fetches without a cluster.
	Workbench func(WorkbenchFlags) (Workbench, error)
	// Admit returns the objects that an app of a dialect may manage, "" being
	// none, and says what became of the others.
	Admit func(dialect string, objects []model.Object) ([]model.Object, []model.Warning)
	// Accounts are the local ones that those files declare.
	Accounts func(AccountFiles) Accounts
	// Rbac reads a policy of who may what.
	Rbac func(RbacPolicy) Rbac
	// Health judges a live object.
	Health func(map[string]any) model.Health

	// Browse opens an address in the browser of whoever runs the command; nil can't.
	Browse func(address string) error

	In       io.Reader
	Out, Err io.Writer
	// Now is the time that ages are counted to; nil is the clock's.
	Now func() time.Time
}

func (d Deps) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// Declared is what an object of a dialect asks for.
type Declared struct {
	// App is nil for an object that only declares a source.
	App *model.App
	// Sources are what the object itself says of sources: an app's own, or the one
	// that it declares for others.
	Sources  map[model.SourceKey]model.Source
	Warnings []model.Warning
	// Invalid says why it can't be worked on.
	Invalid error
}

// New is the command fixpoint. What Execute returns is for Exit.
func New(deps Deps) *cobra.Command {
	root := &cobra.Command{
		Use:   "fixpoint",
		Short: "Keep clusters at the state that Git declares",
		Long: `Fixpoint keeps Kubernetes clusters at the state that Git declares. It reads the
manifests you have: Argo CD's Applications, Flux's GitRepositories and
Kustomizations, unchanged.

Exit codes: 0 it worked, 1 it did not, 2 the command line is wrong. 'fixpoint
diff' has its own, as kubectl diff: 0 no differences, 1 differences, 2 an error.`,
		Example: `  fixpoint demo                       watch it work, on a cluster of its own
  fixpoint install                    install it into the cluster of your kubeconfig
  fixpoint get                        list all apps
  fixpoint sync my-app                sync one now, and wait for the outcome
  fixpoint check .                    check a directory before you push it`,
		Args:              noArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(deps.In)
	root.SetOut(deps.Out)
	root.SetErr(deps.Err)
	root.SetFlagErrorFunc(usage)
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, make := range g.commands {
			cmd := make(deps)
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	return root
}

// groups are the commands, in the order of the help.
var groups = []struct {
	id, title string
	commands  []func(Deps) *cobra.Command
}{
	{"run", "Run:", []func(Deps) *cobra.Command{newController, newInstall, newDemo}},
	{"apps", "Work with apps:", []func(Deps) *cobra.Command{newGet, newSync, newRefresh, newDiff, newTree, newHistory, newRollback, newTerminate, newConfirm, newSuspend, newResume, newAutosync, newDelete, newAction, newLogs, newActivity}},
	{"files", "Work with files (no cluster needed):", []func(Deps) *cobra.Command{newRender, newCheck}},
	{"server", "Fixpoint's server:", []func(Deps) *cobra.Command{newLogin, newLogout, newServers, newAudit}},
	{"other", "Other:", []func(Deps) *cobra.Command{newAccount, newRbac, newVersion}},
}

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	// exitDiffers and exitDiffFailed are those of diff.
	exitDiffers    = 1
	exitDiffFailed = 2
)

// codedError carries an exit code. Without err nothing is printed.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *codedError) Unwrap() error { return e.err }

// Exit prints an error of New's command and returns the process's exit code.
func Exit(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitError
	var coded *codedError
	if errors.As(err, &coded) {
		code = coded.code
	}
	if text := err.Error(); text != "" {
		printf(stderr, "error: %s\n", text)
	}
	return code
}
