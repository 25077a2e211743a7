package argoapi

import "net/http"

const (
	apps = "/api/v1/applications"
	one  = apps + "/{name}"
)

// routes is the table of all that is answered, and of what is refused with a reason.
func routes() []route {
	return append(answered(), refused()...)
}

func answered() []route {
	get, post, del, put, patch := http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch
	return append(accountRoutes(), []route{
		{method: get, path: apps, do: listApps},
		{method: post, path: apps, do: createApp},
		{method: get, path: one, do: getApp},
		{method: put, path: one, do: updateApp},
		{method: patch, path: one, do: patchApp},
		{method: put, path: one + "/spec", do: updateSpec},
		{method: del, path: one, do: deleteApp},
		{method: get, path: one + "/manifests", do: getManifests},
		{method: get, path: one + "/resource-tree", do: getTree},
		{method: get, path: one + "/managed-resources", do: getManaged},
		{method: get, path: one + "/events", do: listEvents},
		{method: get, path: one + "/logs", do: getLogs, stream: true},
		{method: get, path: one + "/pods/{podName}/logs", do: getLogs, stream: true},
		{method: get, path: one + "/resource", do: getResource},
		{method: del, path: one + "/resource", do: deleteResource},
		{method: get, path: one + "/resource/actions", do: listActions},
		{method: post, path: one + "/resource/actions", do: runAction},
		{method: post, path: one + "/resource/actions/v2", do: runActionWith},
		{method: get, path: one + "/resource/links", do: resourceLinks},
		{method: get, path: one + "/links", do: appLinks},
		{method: get, path: one + "/syncwindows", do: syncWindows},
		{method: get, path: one + "/revisions/{revision}/metadata", do: revisionMetadata},
		{method: post, path: one + "/sync", do: syncApp},
		{method: post, path: one + "/rollback", do: rollbackApp},
		{method: del, path: one + "/operation", do: terminate},
		{method: get, path: "/api/v1/stream/applications", do: watchApps, stream: true},
		{method: get, path: "/api/v1/stream/applications/{name}/resource-tree", do: watchTree, stream: true},
		{method: get, path: "/api/v1/clusters", do: listClusters},
		{method: get, path: "/api/v1/clusters/{id}", do: getCluster},
		{method: get, path: "/api/v1/repositories", do: listRepositories},
		{method: get, path: "/api/v1/repositories/{repo}", do: getRepository},
		{method: get, path: "/api/v1/projects", do: listProjects},
		{method: get, path: "/api/v1/projects/{project}", do: getProject},
		{method: get, path: "/api/v1/projects/{project}/detailed", do: detailedProject},
		{method: get, path: "/api/v1/projects/{project}/globalprojects", do: emptyOf},
		{method: get, path: "/api/v1/projects/{project}/links", do: emptyOf},
		{method: post, path: "/api/v1/session", do: login, open: true},
		{method: del, path: "/api/v1/session", do: logout},
		{method: get, path: "/api/v1/session/userinfo", do: getUserInfo, open: true},
		{method: get, path: "/api/v1/settings", do: getSettings, open: true},
		{method: get, path: "/api/v1/account/can-i/{resource}/{action}/{subresource...}", do: canI},
		{method: get, path: "/api/badge", do: getBadge, open: true},
		{method: get, path: "/api/version", do: getVersion, open: true},
	}...)
}

// What to do instead of what is refused.
const (
	declare  = "Git declares it: commit the manifest, or use kubectl"
	edit     = "an object is changed in Git, or with kubectl; what others change is shown as drift"
	preview  = "GET /fixpoint/v1/apps/application/{namespace}/{name}/diff shows what a sync would change"
	shell    = "no shell is opened in containers: use kubectl exec"
	feeders  = "GET /fixpoint/v1/sources lists ApplicationSets, and kubectl changes them"
	declared = "Secrets with the label argocd.argoproj.io/secret-type declare it: commit them, or use kubectl"
	content  = "what a repository holds is not listed: look into it with git or helm"
)

// refused are addresses of Argo CD's API that are not answered.
func refused() []route {
	var out []route
	for _, r := range []struct {
		methods []string
		path    string
		instead string
	}{
		{[]string{"POST"}, apps + "/manifestsWithFiles", preview},
		{[]string{"GET"}, one + "/server-side-diff", preview},
		{[]string{"GET"}, one + "/revisions/{revision}/chartdetails", content},
		{[]string{"GET"}, one + "/revisions/{revision}/ocimetadata", content},
		{[]string{"POST"}, one + "/resource", edit},
		{[]string{"GET"}, "/api/v1/settings/plugins", "docs/rendering.md says which plugins there are"},
		{[]string{"GET", "POST"}, "/api/v1/applicationsets", feeders},
		{[]string{"GET", "POST", "DELETE"}, "/api/v1/applicationsets/", feeders},
		{[]string{"GET"}, "/api/v1/stream/applicationsets", feeders},
		{[]string{"POST"}, "/api/v1/clusters", declared},
		{[]string{"PUT", "DELETE"}, "/api/v1/clusters/{id}", declared},
		{[]string{"POST"}, "/api/v1/repositories", declared},
		{[]string{"PUT", "DELETE"}, "/api/v1/repositories/{repo}", declared},
		{[]string{"GET", "POST"}, "/api/v1/repositories/{repo}/", content},
		{[]string{"GET", "POST", "PUT", "DELETE"}, "/api/v1/repocreds", declared},
		{[]string{"GET", "POST", "PUT", "DELETE"}, "/api/v1/certificates", declared},
		{[]string{"GET", "POST", "DELETE"}, "/api/v1/gpgkeys", declared},
		{[]string{"POST"}, "/api/v1/projects", declare},
		{[]string{"PUT", "DELETE"}, "/api/v1/projects/{project}", declare},
		{[]string{"GET", "POST", "DELETE"}, "/api/v1/projects/{project}/", declare},
		{[]string{"GET"}, "/api/v1/terminal", shell},
	} {
		for _, method := range r.methods {
			out = append(out, route{method: method, path: r.path, do: func(*call) (any, error) {
				return nil, refusal{code: unimplemented, text: "not supported by Fixpoint: " + r.instead}
			}})
		}
	}
	return out
}
