package fetch

import (
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Highest is the highest of the versions that satisfies a constraint, as Helm and
// Flux read one: "" is any that is no prerelease, and prereleases count only
// where the constraint names one. What is no version is passed over; of equal
// ones the first counts. false if there is none. model.ErrInvalid if the
// constraint is not one.
func Highest(constraint string, versions []string) (string, bool, error) {
	if constraint == "" {
		constraint = "*"
	}
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return "", false, model.Invalidf("%q is no range of versions such as 1.2.x, ^1.2 or >=1.0 <2.0", constraint)
	}
	var best *semver.Version
	name := ""
	for _, text := range versions {
		v, err := semver.NewVersion(text)
		if err != nil || !c.Check(v) || best != nil && !v.GreaterThan(best) {
			continue
		}
		best, name = v, text
	}
	return name, best != nil, nil
}

// IsConstraint reports whether a text can be read as a range of versions; a
// single version is one too.
func IsConstraint(text string) bool {
	_, err := semver.NewConstraint(text)
	return err == nil
}

var wildcard = regexp.MustCompile(`(^|\.)[xX](\.|$)`)

// IsRange reports whether a text is surely a range and no single version or tag.
func IsRange(text string) bool {
	return strings.ContainsAny(text, "^~<>=!*| ,") || wildcard.MatchString(text)
}

// ChartVersion is the version of a chart that is asked for: a version or a range;
// "" is the highest.
func ChartVersion(ref model.Ref) (string, error) {
	if ref.Commit != "" || ref.Name != "" || ref.Branch != "" {
		return "", model.Invalidf("a chart has no commits or branches; ask for a version such as 1.2.3 or a range such as ^1.2")
	}
	for _, text := range []string{ref.SemVer, ref.Tag, ref.Any} {
		if text != "" && text != "HEAD" {
			return text, nil
		}
	}
	return "", nil
}
