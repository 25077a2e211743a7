package view

import "github.com/fixpoint-cd/fixpoint/internal/model"

// Query asks for a page of apps. Its zero value asks for the first of all.
type Query struct {
	// Search is words that all have to occur, anywhere in name, namespace, project,
	// cluster, source or revision; case does not matter. A word "field:value" is about
	// one field, of which value is all, or the beginning if it ends with "*": name,
	// kind, health, sync, phase, project, cluster, ns, declared, label ("label:key",
	// "label:key=value"); of repo it is any part.
	Search string
	// The filters: an app has to have one of the values of each that is not empty.
	// Clusters are names, Labels "key" or "key=value", Kinds those that declare apps.
	Sync       []model.SyncStatus
	Health     []model.HealthStatus
	Kinds      []string
	Projects   []string
	Clusters   []string
	Namespaces []string // destination
	Labels     []string
	Phases     []model.Phase
	// Declared are namespaces of the declaring objects.
	Declared []string
	// Repos are URLs of sources.
	Repos []string
	// Sort is name, status, health, sync, project, cluster, namespace, changed or
	// revision; "" is name. Status is health, with failed syncs, and then sync. These
	// three put the worst first, changed the longest ago. Desc turns it round; those
	// that are alike stay in the order of their names.
	Sort string
	Desc bool
	// Offset and Limit are the page; Limit 0 is DefaultLimit, at most MaxLimit.
	Offset, Limit int
	// Facets asks for Page.Facets too.
	Facets bool
}

// The sizes of a page of apps.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page is what a Query has found.
type Page struct {
	Apps []App
	// Total is how many apps the query has found, All how many the reader may see.
	Total, All int
	// Facets say how often each value of a filter occurs, where that filter alone
	// were left out of the query. By name: sync, health, kind, project, cluster,
	// namespace, label.
	Facets map[string][]Count
	// Summary counts what was found, by health and by sync status.
	Health map[model.HealthStatus]int
	Sync   map[model.SyncStatus]int
	// Running counts the apps with a sync under way.
	Running int
	// Version is that of the newest change of any app that the reader may see.
	Version uint64
}

// Count is a value with how often it occurs; the most frequent ones come first.
type Count struct {
	Value string
	Count int
}

// Topic is something that changes.
type Topic string

// The topics that are no app's.
const (
	TopicApps         Topic = "apps" // any of them
	TopicActivity     Topic = "activity"
	TopicClusters     Topic = "clusters"
	TopicRepositories Topic = "repositories"
	TopicProjects     Topic = "projects"
	TopicFeeders      Topic = "feeders"
)

// TopicApp is an app's own state.
func TopicApp(key model.AppKey) Topic { return Topic("app:" + key.String()) }

// TopicTree is an app's objects and all that descend from them.
func TopicTree(key model.AppKey) Topic { return Topic("tree:" + key.String()) }
