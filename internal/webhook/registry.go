package webhook

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// registryPush reads the calls of registries, each of which has a form of its
// own; it has no URL if it is none.
func registryPush(body value) Push {
	for _, form := range []func(value) (repository string, tags []string){
		dockerHub, quay, harbor, acr, gcr, distribution, nexus,
	} {
		if name, tags := form(body); name != "" {
			return Push{URLs: []string{"oci://" + strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")}, Refs: tags}
		}
	}
	return Push{}
}

func dockerHub(body value) (string, []string) {
	name := body.at("repository", "repo_name").text()
	if name == "" || body.at("push_data").v == nil {
		return "", nil
	}
	return "docker.io/" + name, body.at("push_data").texts("tag")
}

func quay(body value) (string, []string) {
	var tags []string
	for _, t := range body.at("updated_tags").each() {
		if t.text() != "" {
			tags = append(tags, t.text())
		}
	}
	return body.at("docker_url").text(), tags
}

func harbor(body value) (string, []string) {
	var name string
	var tags []string
	for _, r := range body.at("event_data", "resources").each() {
		url := r.at("resource_url").text()
		if at, _, ok := strings.Cut(url, "@"); ok {
			url = at
		} else if i := strings.LastIndexByte(url, ':'); i > strings.LastIndexByte(url, '/') {
			url = url[:i]
		}
		name = url
		tags = append(tags, r.texts("tag")...)
	}
	return name, tags
}

func acr(body value) (string, []string) {
	host, name := body.at("request", "host").text(), body.at("target", "repository").text()
	if host == "" || name == "" {
		return "", nil
	}
	return host + "/" + name, body.at("target").texts("tag")
}

// gcr comes by Pub/Sub, the event wrapped in base64.
func gcr(body value) (string, []string) {
	raw, err := base64.StdEncoding.DecodeString(body.at("message", "data").text())
	var event value
	if err != nil || json.Unmarshal(raw, &event.v) != nil {
		return "", nil
	}
	digest, _, _ := strings.Cut(event.at("digest").text(), "@")
	tag := event.at("tag").text()
	i := strings.LastIndexByte(tag, ':')
	if i <= strings.LastIndexByte(tag, '/') {
		return digest, nil
	}
	return tag[:i], []string{tag[i+1:]}
}

// distribution is the CNCF registry's own form. The first push counts.
func distribution(body value) (string, []string) {
	for _, e := range body.at("events").each() {
		name, host := e.at("target", "repository").text(), e.at("request", "host").text()
		if e.at("action").text() == "push" && name != "" && host != "" {
			return host + "/" + name, e.at("target").texts("tag")
		}
	}
	return "", nil
}

func nexus(body value) (string, []string) {
	if body.at("repositoryName").text() == "" {
		return "", nil
	}
	return body.at("component", "name").text(), body.at("component").texts("version")
}

// packagePush is GitHub's call for its registry.
func packagePush(body value) Push {
	p := body.at("registry_package")
	if p.v == nil {
		p = body.at("package")
	}
	name := strings.ToLower(p.at("namespace").text() + "/" + p.at("name").text())
	if strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") {
		return Push{}
	}
	version := p.at("package_version")
	host := "ghcr.io"
	if at, _, ok := strings.Cut(version.at("package_url").text(), "/"); ok && at != "" {
		host = at
	}
	return Push{URLs: []string{"oci://" + host + "/" + name}, Refs: version.at("container_metadata", "tag").texts("name")}
}
