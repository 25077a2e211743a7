package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// separator is what the library takes for the end of a document.
var separator = regexp.MustCompile(`\n---.*\n`)

// parse makes resources of a file as the library does. What has no aliases and
// no lists needs none of what the library does for those.
func (b *build) parse(data []byte) ([]*resource.Resource, error) {
	nodes, ok, err := simpleNodes(data)
	if err != nil {
		return nil, err
	}
	if !ok {
		return b.factory.RF().SliceFromBytes(data)
	}
	list := make([]*resource.Resource, len(nodes))
	for i, n := range nodes {
		list[i] = &resource.Resource{RNode: *n}
	}
	return list, nil
}

// simpleNodes are the documents of a file; ok is false if the library has to
// read it.
func simpleNodes(data []byte) (nodes []*yaml.RNode, ok bool, err error) {
	if manifest.MayAlias(data) || bytes.Contains(data, []byte("<<")) || bytes.Contains(data, []byte("List")) {
		return nil, false, nil
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	begin := 0
	for _, at := range separator.FindAllStringIndex(text, -1) {
		if rest := strings.TrimSpace(text[at[0]+4 : at[1]]); rest != "" && rest[0] != '#' {
			return nil, false, nil
		}
		if nodes, err = appendNode(nodes, text[begin:at[0]]+"\n"); err != nil {
			return nil, false, err
		}
		begin = at[1]
	}
	nodes, err = appendNode(nodes, text[begin:])
	return nodes, true, err
}

func appendNode(nodes []*yaml.RNode, text string) ([]*yaml.RNode, error) {
	var doc yaml.Node
	err := yaml.NewDecoder(strings.NewReader(text)).Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && yaml.IsYNodeEmptyDoc(&doc) {
		return nodes, nil
	}
	if err != nil {
		return nil, err
	}
	n := yaml.NewRNode(&doc)
	if yaml.IsMissingOrNull(n) || n.IsNilOrEmpty() {
		return nodes, nil
	}
	if _, err := n.GetValidatedMetadata(); err != nil {
		return nil, fmt.Errorf("no manifest: %w", err)
	}
	return append(nodes, n), nil
}
