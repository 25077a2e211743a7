package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Push is what a call says.
type Push struct {
	// URLs are those of one repository, in every way that it is written; empty
	// where the event is none that names a repository.
	URLs []string
	// Refs are the full names of Git refs, or the tags of a registry, that were
	// pushed; empty is any.
	Refs []string
}

// value is a part of a JSON body; whatever its form, asking it never fails.
type value struct{ v any }

// at goes down the fields of objects.
func (v value) at(names ...string) value {
	for _, name := range names {
		m, _ := v.v.(map[string]any)
		v = value{m[name]}
	}
	return v
}

func (v value) text() string { s, _ := v.v.(string); return s }

// each are the items of a list; none if it is no list.
func (v value) each() []value {
	list, _ := v.v.([]any)
	out := make([]value, len(list))
	for i := range list {
		out[i] = value{list[i]}
	}
	return out
}

// texts are the fields that are not empty.
func (v value) texts(names ...string) []string {
	var out []string
	for _, name := range names {
		if s := v.at(name).text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

var errNoJSON = errors.New("the body is not the JSON of an event")

// decode reads a body: JSON, or a form with JSON in its payload.
func decode(h http.Header, body []byte) (value, error) {
	if strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return value{}, errors.New("the body is not a form")
		}
		body = []byte(form.Get("payload"))
	}
	var v value
	if json.Unmarshal(body, &v.v) != nil {
		return value{}, errNoJSON
	}
	if _, ok := v.v.(map[string]any); !ok && v.v != nil {
		return value{}, errNoJSON
	}
	return v, nil
}

// The senders that are told apart.
type sender string

const (
	gitHub          sender = "GitHub"
	gitLab          sender = "GitLab"
	gogs            sender = "Gogs" // and Gitea and Forgejo, which descend from it
	bitbucket       sender = "Bitbucket Cloud"
	bitbucketServer sender = "Bitbucket Server"
	azure           sender = "Azure DevOps"
	registry        sender = "a registry"
	anyone          sender = "a generic sender"
)

// senderOf tells who calls by what only its calls have.
func senderOf(h http.Header, body value) sender {
	if s, ok := senderBy(h); ok {
		return s
	}
	switch {
	case strings.HasPrefix(body.at("eventType").text(), "git.") && body.at("publisherId").text() != "":
		return azure
	case len(registryPush(body).URLs) > 0:
		return registry
	}
	return anyone
}

// senderBy tells who calls by headers alone, of those whose calls have some of their own.
// Gitea sends GitHub's and Gogs' headers beside its own, so the order counts.
func senderBy(h http.Header) (sender, bool) {
	for _, s := range []struct {
		sender  sender
		headers []string
	}{
		{gogs, []string{"X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event", "X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"}},
		{gitHub, []string{"X-Github-Event"}},
		{gitLab, []string{"X-Gitlab-Event", "X-Gitlab-Token"}},
		{bitbucket, []string{"X-Hook-Uuid"}},
		{bitbucketServer, []string{"X-Event-Key"}},
	} {
		for _, name := range s.headers {
			if h.Get(name) != "" {
				return s.sender, true
			}
		}
	}
	return "", false
}

// read is what a call of a sender says.
func read(s sender, body value) Push {
	switch s {
	case bitbucket:
		return bitbucketPush(body)
	case bitbucketServer:
		return bitbucketServerPush(body)
	case azure:
		return azurePush(body)
	case registry:
		return registryPush(body)
	case gitHub:
		if body.at("registry_package").v != nil || body.at("package").v != nil {
			return packagePush(body)
		}
	}
	return gitPush(body)
}

// gitPush is the form of GitHub, GitLab, Gitea, Gogs and who follows them.
func gitPush(body value) Push {
	var p Push
	for _, from := range []value{body.at("repository"), body.at("project")} {
		p.URLs = append(p.URLs, from.texts(
			"clone_url", "ssh_url", "git_url", "html_url", "url",
			"git_http_url", "git_ssh_url", "http_url", "web_url", "homepage")...)
	}
	p.Refs = fullNames(body.at("ref").text())
	return p
}

// fullNames are the refs that are full names.
func fullNames(refs ...string) []string {
	var out []string
	for _, r := range refs {
		if strings.HasPrefix(r, "refs/") {
			out = append(out, r)
		}
	}
	return out
}

// bitbucketPush: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
func bitbucketPush(body value) Push {
	repo := body.at("repository")
	p := Push{URLs: repo.at("links", "html").texts("href")}
	if name := repo.at("full_name").text(); name != "" {
		p.URLs = append(p.URLs, "https://bitbucket.org/"+name, "git@bitbucket.org:"+name)
	}
	for _, change := range body.at("push", "changes").each() {
		for _, side := range []value{change.at("new"), change.at("old")} {
			kind, ok := map[string]string{"branch": "refs/heads/", "named_branch": "refs/heads/", "tag": "refs/tags/"}[side.at("type").text()]
			if name := side.at("name").text(); ok && name != "" {
				p.Refs = append(p.Refs, kind+name)
			}
		}
	}
	return p
}

// bitbucketServerPush is that of Bitbucket Server and Data Center.
func bitbucketServerPush(body value) Push {
	links := body.at("repository", "links")
	var p Push
	for _, link := range append(links.at("clone").each(), links.at("self").each()...) {
		href := strings.TrimSuffix(link.at("href").text(), "/browse")
		if href != "" {
			p.URLs = append(p.URLs, href)
		}
	}
	for _, change := range body.at("changes").each() {
		p.Refs = append(p.Refs, fullNames(change.at("ref", "id").text(), change.at("refId").text())...)
	}
	return p
}

// azurePush: the SSH form of a repository is not in the call, and is made of
// the other.
func azurePush(body value) Push {
	repo := body.at("resource", "repository")
	p := Push{URLs: repo.texts("remoteUrl", "sshUrl", "webUrl", "url")}
	for _, text := range p.URLs {
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		org, rest, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
		project, name, ok := strings.Cut(rest, "/_git/")
		if u.Host == "dev.azure.com" && ok {
			p.URLs = append(p.URLs, "git@ssh.dev.azure.com:v3/"+org+"/"+project+"/"+name)
		}
	}
	for _, update := range body.at("resource", "refUpdates").each() {
		p.Refs = append(p.Refs, fullNames(update.at("name").text())...)
	}
	return p
}
