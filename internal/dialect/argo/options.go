package argo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// option is a sync option: of an Application, of a request for a sync, or of an
// object.
type option struct {
	text string
	// trait sets what an object asks for; of an Application, what all its objects do
	// that say nothing else. whole sets what concerns a whole sync, which no object
	// can ask for. Where both are nil the option says what is done in any case, or
	// is not done at all, because of refused.
	trait   func(*model.Traits)
	whole   func(*model.Options)
	refused string
	// own: only an object can ask for it; of an Application it is refused.
	own string
}

func (o option) name() string {
	name, _, _ := strings.Cut(o.text, "=")
	return name
}

// options are all sync options. Of several with one name that comes first here
// counts.
var options = []option{
	{text: "Validate=false", trait: func(t *model.Traits) { t.Validate = model.No }},
	{text: "Validate=true", trait: func(t *model.Traits) { t.Validate = model.Yes }},
	{text: "SkipDryRunOnMissingResource=true", trait: func(t *model.Traits) { t.SkipDryRun = model.Yes }},
	{text: "SkipDryRunOnMissingResource=false", trait: func(t *model.Traits) { t.SkipDryRun = model.No }},
	{text: "PruneLast=true", trait: func(t *model.Traits) { t.PruneLast = model.Yes }},
	{text: "PruneLast=false", trait: func(t *model.Traits) { t.PruneLast = model.No }},
	{text: "Prune=false", trait: func(t *model.Traits) { t.Prune = model.ConsentNo }},
	{text: "Prune=confirm", trait: func(t *model.Traits) { t.Prune = model.ConsentConfirm }},
	{text: "Prune=true", trait: func(t *model.Traits) { t.Prune = model.ConsentYes }},
	{text: "Delete=false", trait: func(t *model.Traits) { t.Delete = model.ConsentNo }},
	{text: "Delete=confirm", trait: func(t *model.Traits) { t.Delete = model.ConsentConfirm }},
	{text: "Delete=true", trait: func(t *model.Traits) { t.Delete = model.ConsentYes }},
	{text: "Replace=true", trait: func(t *model.Traits) { t.Replace = model.Yes }},
	{text: "Replace=false", trait: func(t *model.Traits) { t.Replace = model.No }},
	{text: "Force=true", trait: func(t *model.Traits) { t.Force = model.Yes },
		own: "Argo CD does not read it here: write it into the annotation " + annotationSyncOptions + " of the objects that may be deleted and created anew"},
	{text: "Force=false", trait: func(t *model.Traits) { t.Force = model.No }},
	{text: "ServerSideApply=false", refused: "every write is a server-side apply"},
	{text: "ServerSideApply=true"},
	{text: "ApplyOutOfSyncOnly=true", whole: func(*model.Options) {}},
	{text: "ApplyOutOfSyncOnly=false", whole: func(*model.Options) {}},
	{text: optionNoMigration, whole: func(o *model.Options) { o.Migrate = model.No }},
	{text: "ClientSideApplyMigration=true", whole: func(o *model.Options) { o.Migrate = model.Yes }},
	{text: "CreateNamespace=true", whole: func(o *model.Options) { o.CreateNamespace = model.Yes }},
	{text: "CreateNamespace=false", whole: func(o *model.Options) { o.CreateNamespace = model.No }},
	{text: "FailOnSharedResource=true", whole: func(o *model.Options) { o.FailOnShared = model.Yes }},
	{text: "FailOnSharedResource=false", whole: func(o *model.Options) { o.FailOnShared = model.No }},
	{text: "RespectIgnoreDifferences=true", whole: func(o *model.Options) { o.Respect = model.Yes }},
	{text: "RespectIgnoreDifferences=false", whole: func(o *model.Options) { o.Respect = model.No }},
	{text: "PrunePropagationPolicy=foreground", whole: func(o *model.Options) { o.Deletion = model.Foreground }},
	{text: "PrunePropagationPolicy=background", whole: func(o *model.Options) { o.Deletion = model.Background }},
	{text: "PrunePropagationPolicy=orphan", whole: func(o *model.Options) { o.Deletion = model.Orphan }},
}

// optionNoMigration leaves to kubectl the fields that it has applied.
const optionNoMigration = "ClientSideApplyMigration=false"

// optionTexts are the texts of all options, by themselves.
var optionTexts = func() map[string]bool {
	out := map[string]bool{}
	for _, o := range options {
		out[o.text] = true
	}
	return out
}()

const (
	adviceUnknownOption = "not known"
	adviceWhole         = "an option of the whole Application: write it into spec.syncPolicy.syncOptions"
)

// parseOptions reads the sync options of an Application or of a request for a
// sync, and warns of those that are not honoured.
func parseOptions(texts []string) (model.Options, []model.Warning) {
	var out model.Options
	found, complaints := chosen(texts)
	for _, o := range found {
		switch {
		case o.own != "":
			complaints = append(complaints, fmt.Sprintf("%s is not honoured: %s", o.text, o.own))
		case o.refused != "":
			complaints = append(complaints, fmt.Sprintf("%s is not honoured: %s", o.text, o.refused))
		case o.trait != nil:
			o.trait(&out.Defaults)
		case o.whole != nil:
			o.whole(&out)
		}
	}
	for i, text := range complaints {
		complaints[i] = "sync option " + text
	}
	return out, warnings(complaints)
}

// chosen are the options that count, in the order of the table, and what has to be
// said of the others.
func chosen(texts []string) (found []option, complaints []string) {
	counts := map[string]int{}
	for _, text := range texts {
		text = strings.TrimSpace(text)
		name, _, _ := strings.Cut(text, "=")
		switch {
		case text == "":
		case optionTexts[text]:
			counts[name]++
			found = append(found, option{text: text})
		case strings.Contains(text, ","):
			complaints = append(complaints, fmt.Sprintf("%q is not known: write each option as an entry of its own", text))
		default:
			complaints = append(complaints, unknownOption(text))
		}
	}
	given := found
	found = nil
	for _, o := range options {
		if !slices.ContainsFunc(given, func(g option) bool { return g.text == o.text }) || counts[o.name()] == 0 {
			continue
		}
		if counts[o.name()] > 1 {
			complaints = append(complaints, fmt.Sprintf("%s is given more than once: %s counts", o.name(), o.text))
		}
		counts[o.name()] = 0
		found = append(found, o)
	}
	return found, complaints
}

func unknownOption(text string) string {
	return fmt.Sprintf("%q is not known%s", text, prefixed(": did you mean ", likeOption(text), "?"))
}

// likeOption is what may be meant by an option that is not known: the option most
// like it, or all values of the one with its name.
func likeOption(text string) string {
	if meant := nearest(text, optionTexts); meant != "" {
		return meant
	}
	name, _, _ := strings.Cut(text, "=")
	if strings.EqualFold(name, "DisableClientSideApplyMigration") {
		return optionNoMigration
	}
	var same []string
	for _, o := range options {
		if strings.EqualFold(o.name(), name) {
			same = append(same, o.text)
		}
	}
	return strings.Join(same, " or ")
}

// prefixed is a text with something before and behind it; "" stays "".
func prefixed(before, text, behind string) string {
	if text == "" {
		return ""
	}
	return before + text + behind
}

// readSyncOptions reads the annotation of an object, and returns what of it is not
// obeyed.
func readSyncOptions(t *model.Traits, text string) (complaints []string) {
	seen := map[string]bool{}
	for value := range values(text) {
		if !optionTexts[value] {
			complaints = append(complaints, complaint(annotationSyncOptions, value, adviceUnknownOption, likeOption(value)))
			continue
		}
		seen[value] = true
	}
	said := map[string]bool{}
	for _, o := range options {
		if !seen[o.text] || said[o.name()] {
			continue
		}
		said[o.name()] = true
		switch {
		case o.trait != nil:
			o.trait(t)
		case o.whole != nil:
			complaints = append(complaints, complaint(annotationSyncOptions, o.text, adviceWhole, ""))
		case o.refused != "":
			complaints = append(complaints, complaint(annotationSyncOptions, o.text, o.refused, ""))
		}
	}
	return complaints
}
