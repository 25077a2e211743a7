package source

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"unicode"

	"github.com/Masterminds/semver/v3"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// advert is what a repository says about its refs.
type advert struct {
	ids    map[string]string // by full ref name
	peeled map[string]string // the commits of annotated tags, by full ref name
	head   string            // the default branch's full name; "" if unknown
}

// parseAdvert reads the output of git ls-remote --symref.
func parseAdvert(out []byte) (*advert, error) {
	a := &advert{ids: map[string]string{}, peeled: map[string]string{}}
	for line := range strings.Lines(string(out)) {
		id, name, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if !ok {
			continue
		}
		if target, ok := strings.CutPrefix(id, "ref: "); ok {
			if name == "HEAD" {
				a.head = target
			}
			continue
		}
		if len(id) == 64 {
			return nil, model.As(model.ErrInvalid, fmt.Errorf("the repository uses SHA-256 object ids, which are not supported yet"))
		}
		if base, ok := strings.CutSuffix(name, "^{}"); ok {
			a.peeled[base] = id
		} else {
			a.ids[name] = id
		}
	}
	// A server lists its refs one after the other while they change: HEAD is what
	// its branch is in the same list.
	if id, ok := a.ids[a.head]; ok {
		a.ids["HEAD"] = id
	}
	return a, nil
}

func (a *advert) commit(name string) (string, bool) {
	if id, ok := a.peeled[name]; ok {
		return id, true
	}
	id, ok := a.ids[name]
	return id, ok
}

// has reports whether a commit is the end of some ref.
func (a *advert) has(commit string) bool {
	for name := range a.ids {
		if id, _ := a.commit(name); id == commit {
			return true
		}
	}
	return false
}

// target is what a ref stands for: a commit and the name that was resolved, or
// a commit id (short if it is not 40 digits) that no ref names.
type target struct {
	id     string
	name   string
	tag    string // the object of an annotated tag; "" if the name is none
	lookup bool
	// wantTag: somebody asks for the tag itself, too.
	wantTag bool
}

// same reports whether now is nothing new.
func (t target) same(now target) bool {
	return t.id == now.id && t.name == now.name && (!now.wantTag || t.wantTag && t.tag == now.tag)
}

var hexID = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// resolve finds what ref means. Its errors are ErrInvalid or ErrNotFound.
func (a *advert) resolve(ref model.Ref) (target, error) {
	switch {
	case ref.Commit != "":
		return a.byID(strings.ToLower(ref.Commit)), nil
	case ref.Name != "":
		return a.named(ref.Name, ref.Name, "ref")
	case ref.SemVer != "":
		return a.semver(ref.SemVer, ref)
	case ref.Tag != "":
		return a.named("refs/tags/"+ref.Tag, ref.Tag, "tag")
	case ref.Branch != "":
		return a.named("refs/heads/"+ref.Branch, ref.Branch, "branch")
	default:
		return a.any(ref)
	}
}

func (a *advert) any(ref model.Ref) (target, error) {
	name := ref.Any
	switch {
	case name == "" || name == "HEAD":
		return a.defaultBranch()
	case isCommitID(name):
		return a.byID(strings.ToLower(name)), nil
	case strings.HasPrefix(name, "refs/"):
		return a.named(name, name, "ref")
	}
	ranged := isRange(ref)
	if ranged {
		if t, err := a.semver(name, ref); !errors.Is(err, model.ErrNotFound) {
			return t, err
		}
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if id, ok := a.commit(prefix + name); ok {
			return a.at(prefix+name, id, name), nil
		}
	}
	if id := strings.ToLower(name); hexID.MatchString(id) {
		return target{id: id, lookup: true}, nil
	}
	if ranged {
		return a.semver(name, ref)
	}
	return target{}, notFound("branch, tag or commit", name)
}

// isRange reports whether Any is meant as a version constraint. A plain version
// is the name of a branch or tag, unless tags have a prefix.
func isRange(ref model.Ref) bool {
	if _, err := semver.NewConstraint(ref.Any); err != nil || ref.Any == "" {
		return false
	}
	_, err := semver.NewVersion(ref.Any)
	return err != nil || ref.TagPrefix != ""
}

func (a *advert) byID(id string) target {
	return target{id: id, lookup: !a.has(id)}
}

func (a *advert) named(full, short, what string) (target, error) {
	id, ok := a.commit(full)
	if !ok {
		return target{}, notFound(what, short)
	}
	return a.at(full, id, short), nil
}

// at is the target of a ref that exists.
func (a *advert) at(full, id, short string) target {
	t := target{id: id, name: short}
	if _, annotated := a.peeled[full]; annotated {
		t.tag = a.ids[full]
	}
	return t
}

func (a *advert) defaultBranch() (target, error) {
	id, ok := a.commit("HEAD")
	if !ok {
		if len(a.ids) == 0 {
			return target{}, model.As(model.ErrNotFound, fmt.Errorf("the repository is empty; push a commit to it"))
		}
		return target{}, model.As(model.ErrNotFound, fmt.Errorf("the repository has no default branch; name a branch"))
	}
	name := strings.TrimPrefix(a.head, "refs/heads/")
	if name == "" {
		name = "HEAD"
	}
	return target{id: id, name: name}, nil
}

// semver picks the highest tag that satisfies a constraint, of those that begin
// with ref.TagPrefix and match ref.SemVerFilter.
func (a *advert) semver(constraint string, ref model.Ref) (target, error) {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return target{}, model.As(model.ErrInvalid, fmt.Errorf("version constraint %q: %w", constraint, err))
	}
	filter, err := regexp.Compile(ref.SemVerFilter)
	if err != nil {
		return target{}, model.As(model.ErrInvalid, fmt.Errorf("the filter of tags is no regular expression: %w", err))
	}
	var best *semver.Version
	var name string
	for full := range a.ids {
		tag, ok := strings.CutPrefix(full, "refs/tags/")
		rest, prefixed := strings.CutPrefix(tag, ref.TagPrefix)
		if !ok || !prefixed || !filter.MatchString(tag) {
			continue
		}
		v, err := semver.NewVersion(rest)
		if err != nil || !c.Check(v) {
			continue
		}
		if best == nil || v.GreaterThan(best) || v.Equal(best) && tag > name {
			best, name = v, tag
		}
	}
	if best == nil {
		return target{}, model.As(model.ErrNotFound, fmt.Errorf("no tag%s satisfies the version constraint %q; push one or widen it", ofTags(ref), constraint))
	}
	return a.named("refs/tags/"+name, name, "tag")
}

func ofTags(ref model.Ref) string {
	text := ""
	if ref.TagPrefix != "" {
		text += fmt.Sprintf(" that begins with %q", ref.TagPrefix)
	}
	if ref.SemVerFilter != "" {
		text += fmt.Sprintf(" that matches %q", ref.SemVerFilter)
	}
	return text
}

func notFound(what, name string) error {
	return model.As(model.ErrNotFound, fmt.Errorf("%s %q is not in the repository; push it or correct the name", what, name))
}

// checkRef refuses what cannot be a ref, before anything is asked.
func checkRef(ref model.Ref) error {
	if ref.Commit != "" && !isCommitID(ref.Commit) {
		return model.As(model.ErrInvalid, fmt.Errorf("commit %q: a full id of 40 hexadecimal digits is needed", ref.Commit))
	}
	names := []string{ref.Name, ref.Tag, ref.Branch, ref.Any}
	if isRange(ref) {
		names = names[:3]
	}
	for _, name := range names {
		if err := checkRefName(name); err != nil {
			return model.As(model.ErrInvalid, fmt.Errorf("revision %q: %w", name, err))
		}
	}
	if ref.Name != "" && ref.Commit == "" && !strings.HasPrefix(ref.Name, "refs/") && ref.Name != "HEAD" {
		return model.As(model.ErrInvalid, fmt.Errorf("ref name %q: a full name such as refs/heads/main is needed", ref.Name))
	}
	return nil
}

func checkRefName(name string) error {
	switch {
	case strings.HasPrefix(name, "-"):
		return fmt.Errorf("it must not begin with a dash")
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("it holds a control character")
	case len(name) > 1024:
		return fmt.Errorf("it is longer than 1024 bytes")
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.ContainsAny(name, `:?*[\^~ `):
		return fmt.Errorf("no ref can have such a name")
	}
	return nil
}

// ofBranchesAndTags reports whether these refs need no other ones to be listed.
func ofBranchesAndTags(refs iter.Seq[model.Ref]) bool {
	for r := range refs {
		listed := r.Commit != "" || strings.HasPrefix(r.Name, "refs/heads/") || strings.HasPrefix(r.Name, "refs/tags/") ||
			r.Name == "" && (r.SemVer != "" || r.Tag != "" || r.Branch != "")
		if !listed {
			return false
		}
	}
	return true
}

// wants reports whether a push to a full ref name can change what ref means.
func wants(ref model.Ref, pushed string) bool {
	switch {
	case pushed == "":
		return true
	case ref.Commit != "":
		return false
	case ref.Name != "":
		return ref.Name == pushed || ref.Name == "HEAD"
	case ref.SemVer != "":
		return strings.HasPrefix(pushed, "refs/tags/")
	case ref.Tag != "":
		return pushed == "refs/tags/"+ref.Tag
	case ref.Branch != "":
		return pushed == "refs/heads/"+ref.Branch
	case ref.Any == "" || ref.Any == "HEAD":
		return true
	case isRange(ref) && strings.HasPrefix(pushed, "refs/tags/"):
		return true
	}
	return pushed == ref.Any || strings.HasSuffix(pushed, "/"+ref.Any)
}
