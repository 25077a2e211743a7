package cli

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func newGet(deps Deps) *cobra.Command {
	to := reach{deps: deps}
	var sel selector
	var only filter
	var out format
	var all bool
	cmd := &cobra.Command{
		Use:   "get [apps|sources] [NAME|NAMESPACE/NAME]",
		Short: "List apps of both dialects, or their sources",
		Long: `Lists Applications, Kustomizations and HelmReleases of all namespaces in one table,
or with 'sources' Flux's GitRepositories, OCIRepositories, HelmRepositories,
HelmCharts and Buckets. Of an Application by name it shows what goes on, what that
waits for, and everything that is not as it should be. -o json and -o yaml print the
objects, those of a server what its API says of them.`,
		Example: `  fixpoint get
  fixpoint get -n argocd
  fixpoint get --health Degraded --project shop -l team=web
  fixpoint get argocd/my-app
  fixpoint get argocd/my-app -o yaml
  fixpoint get sources`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && sel.namespace != "" {
				return usagef(cmd, "--all-namespaces and --namespace exclude each other")
			}
			kinds, name, err := what(cmd, args, sel)
			if err != nil {
				return err
			}
			if (name != "" || kinds[0].isSource()) && !only.isEmpty() {
				return usagef(cmd, "-l, --project, --sync and --health choose among apps that are listed")
			}
			by, err := to.open()
			if err != nil {
				return err
			}
			return get(cmd, by, deps.now(), out, query{sel: sel, kinds: kinds, name: name, only: only, data: out != formatTable})
		},
		ValidArgsFunction: getCompletion(to.lister, &sel),
	}
	to.bind(cmd)
	sel.bind(cmd)
	only.bind(cmd)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "all namespaces, which is the default")
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// what reads the arguments of get.
func what(cmd *cobra.Command, args []string, sel selector) ([]kind, string, error) {
	kinds := sel.kinds()
	if len(args) > 0 {
		switch {
		case slices.Contains([]string{"app", "apps"}, args[0]):
			args = args[1:]
		case args[0] == "source" || args[0] == "sources":
			kinds, args = sourceKinds, args[1:]
		default:
			for _, k := range slices.Concat(appKinds, sourceKinds) {
				if slices.Contains(k.words, strings.ToLower(args[0])) {
					kinds, args = []kind{k}, args[1:]
					break
				}
			}
		}
	}
	switch len(args) {
	case 0:
		return kinds, "", nil
	case 1:
		return kinds, args[0], nil
	}
	return nil, "", usagef(cmd, "one name is expected, not %d", len(args))
}

func get(cmd *cobra.Command, by lister, now time.Time, out format, q query) error {
	found, err := by.list(cmd.Context(), q)
	switch {
	case err != nil:
		return err
	case q.data:
		return out.data(cmd.OutOrStdout(), found.data)
	case found.described != nil:
		return describe(cmd.OutOrStdout(), *found.described, now)
	case len(found.rows) == 0 && !q.only.isEmpty():
		printf(cmd.ErrOrStderr(), "No %s found that is so.\n", names(q.kinds))
		return nil
	case len(found.rows) == 0:
		printf(cmd.ErrOrStderr(), "No %s found. Apply one with kubectl, or run 'fixpoint demo' to see two at work.\n", names(q.kinds))
		return nil
	}
	messages := 80
	if q.name != "" {
		messages = 0
	}
	tableOf(found.rows, q.kinds, now, messages).print(cmd.OutOrStdout())
	return nil
}

// place is where a source's content comes from.
func (i item) place() string {
	switch i.kind.name {
	case helmChart.name:
		return i.text("spec", "sourceRef", "kind") + "/" + i.text("spec", "sourceRef", "name") + ": " + i.text("spec", "chart")
	case bucket.name:
		return i.text("spec", "endpoint") + "/" + i.text("spec", "bucketName")
	}
	return i.text("spec", "url")
}

// state is what a table shows of an app.
type state struct{ sync, health, revision, message string }

func summary(i item) state {
	if i.kind.name == application.name {
		return applicationState(i)
	}
	return kustomizationState(i)
}

// applicationState tells first what went wrong, then what is going on, then why an
// Application may not be as it is declared.
func applicationState(i item) state {
	s := state{
		sync: i.text("status", "sync", "status"), health: i.text("status", "health", "status"),
		revision: i.text("status", "sync", "revision"),
	}
	if several, _, _ := unstructured.NestedStringSlice(i.Object, "status", "sync", "revisions"); s.revision == "" {
		s.revision = revisionText(several)
	}
	hindrance := ""
	phase := i.text("status", "operationState", "phase")
	conditions, _, _ := unstructured.NestedSlice(i.Object, "status", "conditions")
	for _, raw := range conditions {
		c, _ := raw.(map[string]any)
		switch kind := textOf(c, "type"); {
		case strings.HasSuffix(kind, "Error"):
			s.message = textOf(c, "message")
		case slices.Contains(hindrances, kind):
			hindrance = first(hindrance, textOf(c, "message"))
		}
	}
	switch {
	case s.sync == "":
		s.sync, s.health, s.message = "Unknown", "Unknown", first(s.message, "no controller has looked at it yet: is 'fixpoint controller' running?")
	case s.message != "":
	case phase == "Running" || phase == "Failed" || phase == "Error":
		s.message = i.text("status", "operationState", "message")
	default:
		s.message = first(i.text("status", "health", "message"), hindrance)
	}
	return s
}

// hindrances are conditions without which an Application may be OutOfSync for good,
// though all goes well.
var hindrances = []string{"ConflictWarning", "PruneWarning", "RollbackWarning", "SharedResourceWarning"}

// gist is a message without what comes before its cause and after it.
func gist(message string) string {
	return boilerplate.ReplaceAllString(message, "")
}

var boilerplate = regexp.MustCompile(`^(Failed last sync attempt to \[[^]]*\]: )?(one or more synchronization tasks completed unsuccessfully: )?|\. Retrying attempt #\d+$`)

func kustomizationState(i item) state {
	ready, message := readiness(i)
	s := state{health: ready, revision: i.text("status", "lastAppliedRevision"), message: message, sync: "OutOfSync"}
	if i.kind.name == helmRelease.name {
		return releaseState(i, s)
	}
	attempted := i.text("status", "lastAttemptedRevision")
	switch {
	case s.revision == "" && attempted == "":
		s.sync = "Unknown"
	case s.revision == attempted:
		s.sync = "Synced"
	}
	return s
}

// releaseState tells of the last attempt: a HelmRelease has no revision that was
// applied.
func releaseState(i item, s state) state {
	s.revision = i.text("status", "lastAttemptedRevision")
	switch {
	case s.revision == "":
		s.sync = "Unknown"
	case s.health == "Ready":
		s.sync = "Synced"
	}
	return s
}

// readiness is what the Ready condition of a Flux object says.
func readiness(i item) (ready, message string) {
	if suspended, _, _ := unstructured.NestedBool(i.Object, "spec", "suspend"); suspended {
		return "Suspended", "spec.suspend is set"
	}
	c := conditionOf(i, "Ready")
	if c == nil && i.kind.name == helmRepository.name && i.text("spec", "type") == "oci" {
		return "Ready", "a registry: its charts are got where they are named"
	}
	if c == nil {
		return "Unknown", "no controller has looked at it yet: is 'fixpoint controller' running?"
	}
	message = textOf(c, "message")
	switch textOf(c, "status") {
	case "True":
		return "Ready", message
	case "False":
		return "NotReady", message
	}
	return "Progressing", message
}

func conditionOf(i item, name string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(i.Object, "status", "conditions")
	for _, raw := range conditions {
		if c, ok := raw.(map[string]any); ok && textOf(c, "type") == name {
			return c
		}
	}
	return nil
}

func textOf(m map[string]any, field string) string {
	s, _ := m[field].(string)
	return s
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// revision shortens "main@sha1:0123…" and commit ids.
func revision(r string) string {
	if strings.Contains(r, ",") {
		var all []string
		for one := range strings.SplitSeq(r, ",") {
			if one = revision(strings.TrimSpace(one)); !slices.Contains(all, one) { // sources of one repository
				all = append(all, one)
			}
		}
		return strings.Join(all, ",")
	}
	branch, commit, ok := strings.Cut(r, "@")
	if !ok {
		branch, commit = "", r
	}
	if _, hash, ok := strings.Cut(commit, ":"); ok {
		commit = hash
	}
	if isHash.MatchString(commit) {
		commit = short(commit)
	}
	return strings.TrimPrefix(branch+"@"+commit, "@")
}

// isHash tells commits and digests from versions, however long these are.
var isHash = regexp.MustCompile(`^[0-9a-f]{40,}$`)

func getCompletion(open func() (lister, error), sel *selector) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			words := []string{"apps\tApplications, Kustomizations and HelmReleases", "sources\tGitRepositories and others"}
			return append(words, namesOf(cmd.Context(), open, *sel, sel.kinds()...)...), cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && strings.HasPrefix(args[0], "source"):
			return namesOf(cmd.Context(), open, *sel, sourceKinds...), cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && strings.HasPrefix(args[0], "app"):
			return namesOf(cmd.Context(), open, *sel, sel.kinds()...), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}
