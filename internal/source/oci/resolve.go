package oci

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

var tagForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// resolve finds the tag, "" for a digest, and the manifest of a ref.
func (l *look) resolve(ctx context.Context, ref model.Ref) (string, ocispec.Descriptor, error) {
	if ref.Commit != "" || ref.Name != "" || ref.Branch != "" {
		return "", ocispec.Descriptor{}, model.Invalidf("an artifact has no commits or branches; ask for a digest, a tag or a range of versions")
	}
	switch {
	case ref.Digest != "":
		return l.byDigest(ctx, ref.Digest)
	case strings.HasPrefix(ref.Any, "sha256:") && ref.SemVer == "" && ref.Tag == "":
		return l.byDigest(ctx, ref.Any)
	case l.p.chart:
		version, err := fetch.ChartVersion(ref)
		if err != nil {
			return "", ocispec.Descriptor{}, err
		}
		return l.byAny(ctx, version, "")
	case ref.SemVer != "":
		return l.bySemVer(ctx, ref.SemVer, ref.SemVerFilter)
	case ref.Tag != "":
		return l.byTag(ctx, ref.Tag)
	case ref.Any != "" && ref.Any != "HEAD":
		return l.byAny(ctx, ref.Any, ref.SemVerFilter)
	}
	return l.byTag(ctx, "latest")
}

func (l *look) byDigest(ctx context.Context, text string) (string, ocispec.Descriptor, error) {
	d, err := sha256Digest(text)
	if err != nil {
		return "", ocispec.Descriptor{}, err
	}
	at, err := l.p.head(ctx, d.String())
	return "", at, named(err, "manifest", text)
}

func (l *look) byTag(ctx context.Context, tag string) (string, ocispec.Descriptor, error) {
	if !tagForm.MatchString(tag) {
		return "", ocispec.Descriptor{}, model.Invalidf("%q is no tag", tag)
	}
	at, err := l.p.head(ctx, tag)
	return tag, at, named(err, "tag", tag)
}

// named says what there is not.
func named(err error, what, name string) error {
	if errors.Is(err, errdef.ErrNotFound) {
		return model.As(model.ErrNotFound, fmt.Errorf("there is no %s %q, or the credentials may not see the repository", what, name))
	}
	return err
}

// byAny takes a text for a tag if there is such a one, else for a range.
func (l *look) byAny(ctx context.Context, text, filter string) (string, ocispec.Descriptor, error) {
	tag := tagOf(text)
	if tagForm.MatchString(tag) && !fetch.IsRange(text) && !l.p.ranges[text] {
		_, at, err := l.byTag(ctx, tag)
		if !errors.Is(err, model.ErrNotFound) || !fetch.IsConstraint(text) {
			return tag, at, err
		}
	}
	return l.bySemVer(ctx, text, filter)
}

// tagOf is the tag of a version: a + is no character of tags, and Helm writes _
// for it.
func tagOf(version string) string { return strings.ReplaceAll(version, "+", "_") }

func (l *look) bySemVer(ctx context.Context, constraint, filter string) (string, ocispec.Descriptor, error) {
	var none ocispec.Descriptor
	tags, err := l.list(ctx)
	if err != nil {
		return "", none, err
	}
	if slices.Contains(tags, tagOf(constraint)) {
		delete(l.p.ranges, constraint)
		return l.byTag(ctx, tagOf(constraint))
	}
	candidates, err := filtered(tags, filter)
	if err != nil {
		return "", none, err
	}
	versions := candidates
	if l.p.chart {
		versions = make([]string, len(candidates))
		for i, tag := range candidates {
			versions[i] = strings.ReplaceAll(tag, "_", "+")
		}
	}
	best, ok, err := fetch.Highest(constraint, versions)
	if err != nil {
		return "", none, err
	}
	if !ok {
		return "", none, model.As(model.ErrNotFound, fmt.Errorf("none of %d tags is a version that satisfies %q", len(candidates), constraint))
	}
	l.p.ranges[constraint] = true
	return l.byTag(ctx, candidates[slices.Index(versions, best)])
}

func filtered(tags []string, filter string) ([]string, error) {
	if filter == "" {
		return tags, nil
	}
	re, err := regexp.Compile(filter)
	if err != nil {
		return nil, model.Invalidf("the filter %q is no regular expression: %w", filter, err)
	}
	var out []string
	for _, tag := range tags {
		if re.MatchString(tag) {
			out = append(out, tag)
		}
	}
	return out, nil
}

// list is all tags of the repository.
func (l *look) list(ctx context.Context) ([]string, error) {
	if l.done {
		return l.tags, nil
	}
	err := l.p.repo.Tags(ctx, "", func(page []string) error {
		if l.tags = append(l.tags, page...); len(l.tags) > maxTags {
			return model.Invalidf("the repository has more than %d tags; ask for a single one", maxTags)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.done = true
	return l.tags, nil
}
