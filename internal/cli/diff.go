package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// InspectFlags say what to inspect.
type InspectFlags struct {
	Connection
	// Object declares the app.
	Object *unstructured.Unstructured
	// Revision is inspected instead of the one that the app follows: a branch,
	// tag or commit.
	Revision      string
	ArgoNamespace string
	WorkbenchFlags
}

// Inspection is what a sync of an app would change.
type Inspection struct {
	// Ref and Commit are what was rendered; Ref is "" for a commit by itself.
	Ref, Commit string
	// Changes are the steps of the plan that keep nothing as it is.
	Changes []Change
	// Blocked says why a sync would do nothing of it.
	Blocked  error
	Warnings []model.Warning
}

// Change is a step with the object before and after it; nil is no object. The
// values of Secrets are hidden.
type Change struct {
	model.Step
	Before, After map[string]any
	// Others set what it would change, the newest first.
	Others []Other
	// Err is why the API server would refuse it.
	Err error
}

// Other is somebody besides the app who set fields of an object.
type Other struct {
	// Manager is the field manager, Operation "Apply" or "Update", Subresource such as
	// "scale"; "" is the object itself.
	Manager     string `json:"manager"`
	Operation   string `json:"operation"`
	Subresource string `json:"subresource,omitempty"`
	// Time is when it last wrote.
	Time time.Time `json:"time,omitzero"`
	// Fields are such as "spec.replicas".
	Fields []string `json:"fields"`
	// Text says all but the time in words.
	Text string `json:"-"`
}

func newDiff(deps Deps) *cobra.Command {
	flags := InspectFlags{}
	var sel selector
	var out format
	var timeout time.Duration
	var files renderFlags
	var against string
	to := reach{deps: deps}
	cmd := &cobra.Command{
		Use:   "diff NAME|NAMESPACE/NAME, or diff [DIR] --against REV",
		Short: "Show what a sync of an app, or a change of files, would change",
		Long: `Goes the controller's own way from the repository to the plan, with your rights
and without the controller, and shows for every object that a sync would change
the difference between what it is and what it would be. The values of Secrets are
hidden: different values have different numbers.

With --against, no cluster is used: it shows what the changes in a work tree do to
the objects that its files render to, compared with a branch, tag or commit of the
same repository. Where DIR declares Applications, Kustomizations or HelmReleases,
each is rendered with both versions of its own manifest and of its files; any other
DIR is rendered as by 'fixpoint render', whose flags diff takes as well. What the
apps refer to and only the cluster has, such as a Secret with values, can be given
with --file.

Exit codes as kubectl diff: 0 no differences, 1 differences, 2 an error.`,
		Example: `  fixpoint diff my-app
  fixpoint diff my-app --revision my-branch     what merging it would change
  fixpoint diff my-app -o json
  fixpoint diff . --against origin/main         what a pull request changes
  fixpoint diff charts/web --against v1.2 --values charts/web/prod.yaml`,
		Args: atMostOne("name or directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("against") {
				if against == "" || cmd.Flags().Changed("revision") {
					return usagef(cmd, "--against needs a branch, tag or commit, and goes without --revision")
				}
				files.spec.Helm.Namespace = cmp.Or(sel.namespace, "default")
				differs, err := diffAgainst(cmd, deps, &files, out, append(args, ".")[0], against)
				return diffExit(differs, err)
			}
			if len(args) == 0 {
				return usagef(cmd, "name an app, or compare a directory with --against REV")
			}
			flags.WorkbenchFlags = files.WorkbenchFlags
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, errTimeout)
			defer cancel()
			by, err := to.open()
			if err != nil {
				return diffExit(false, err)
			}
			differs, err := diff(ctx, cmd, by, flags, sel, out, args[0])
			return diffExit(differs, err)
		},
	}
	to.bindApp(cmd, &sel)
	files.WorkbenchFlags.bind(cmd)
	own := flagNames(cmd)
	files.bindSettings(cmd)
	hideOthers(cmd, own)
	file := cmd.Flags().Lookup("file")
	file.Usage, file.Hidden = "with --against: manifests that apps refer to and that are not below DIR; repeatable", false
	f := cmd.Flags()
	f.StringVar(&flags.Revision, "revision", "", "branch, tag or commit to compare with (default: what the app follows)")
	f.StringVar(&against, "against", "", "compare the files of a directory with those of this branch, tag or commit")
	f.StringVar(&flags.ArgoNamespace, "argocd-namespace", "argocd", "namespace of Argo CD's Secrets and ConfigMaps")
	f.DurationVar(&timeout, "timeout", 2*time.Minute, "how long it may take")
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// diffExit chooses the exit code. A wrong command line has its own.
func diffExit(differs bool, err error) error {
	var coded *codedError
	switch {
	case errors.As(err, &coded):
		return err
	case err != nil:
		return &codedError{exitDiffFailed, err}
	case differs:
		return &codedError{code: exitDiffers}
	}
	return nil
}

// hint reminds of what the controller may have been started with.
func (f InspectFlags) hint() string {
	if len(f.Mirrors) > 0 || f.AllowLocal {
		return ""
	}
	return "; if the controller was started with --mirror or --allow-local-repos, give diff the same"
}

func (k kube) inspect(ctx context.Context, flags InspectFlags, sel selector, name string) (item, Inspection, error) {
	app, err := k.find(ctx, sel, name, sel.kinds()...)
	if err != nil {
		return app, Inspection{}, err
	}
	flags.Connection, flags.Object = k.conn, app.Unstructured
	found, err := k.deps.Inspect(ctx, flags)
	if err != nil && !tookLong(err) {
		err = fmt.Errorf("%s can't be compared: %w%s", app.title(), k.explainPlain(err), flags.hint())
	}
	return app, found, err
}

func tookLong(err error) bool {
	return errors.Is(err, errTimeout) || errors.Is(err, context.DeadlineExceeded)
}

func diff(ctx context.Context, cmd *cobra.Command, by reader, flags InspectFlags, sel selector, out format, name string) (bool, error) {
	app, found, err := by.inspect(ctx, flags, sel, name)
	if tookLong(err) && app.Unstructured != nil {
		return false, fmt.Errorf("%s: the comparison took too long: allow more with --timeout, and check that repository and cluster can be reached", app.title())
	}
	if err != nil {
		return false, err
	}
	for _, w := range found.Warnings {
		printf(cmd.ErrOrStderr(), "warning: %s\n", w.Message)
	}
	shown, err := found.differences()
	if err != nil {
		return false, err
	}
	if out != formatTable {
		return differs(shown), out.data(cmd.OutOrStdout(), found.document(shown))
	}
	printDifferences(cmd.OutOrStdout(), shown)
	found.summarise(cmd.ErrOrStderr(), app, shown)
	return differs(shown), nil
}

// differs reports whether a sync would change anything, or try to.
func differs(all []difference) bool {
	for _, d := range all {
		if d.Action != string(model.ActionLeave) {
			return true
		}
	}
	return false
}

func printDifferences(w io.Writer, all []difference) {
	for _, d := range all {
		printf(w, "%s", d.Diff)
	}
}

// summarise says in words what the diffs don't.
func (i Inspection) summarise(w io.Writer, app item, all []difference) {
	count := map[string]int{}
	for _, d := range all {
		count[d.Action]++
		switch {
		case d.Error != "":
			printf(w, "%s: would be refused: %s\n", d.Object, d.Error)
		case d.Diff == "":
			printf(w, "%s: %s: %s\n", d.Object, d.Action, d.Reason)
		}
		for _, o := range d.SetBy {
			printf(w, "%s: %s\n", d.Object, o.Text)
		}
	}
	at := revision(i.Commit)
	if i.Ref != "" {
		at = i.Ref + "@" + at
	}
	if len(all) == 0 {
		printf(w, "%s is as declared%s.\n", app.title(), after(" at ", at))
		return
	}
	var parts []string
	for _, a := range []model.Action{model.ActionCreate, model.ActionUpdate, model.ActionDelete, model.ActionLeave, model.ActionWait, model.ActionRefuse} {
		if n := count[string(a)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, a))
		}
	}
	printf(w, "%s at %s: %s.\n", app.title(), at, strings.Join(parts, ", "))
	if i.Blocked != nil {
		printf(w, "A sync would be refused: %s\n", i.Blocked)
	}
}
