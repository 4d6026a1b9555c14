//! What a scenario stands on: a namespace, a simulated Daily and an operator of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use daily_sim::{AccountConfig, Config, Quirks, Sim, SimClient};
use data_encoding::BASE64;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::faults::FaultProxy;

use crate::always::Drains;
use crate::by_hand::ByHand;
use crate::journal::Journal;
use crate::link::Link;
use crate::operator::{Checked, Launch, Operator};
use crate::plane::{Plane, Release};
use crate::rights;
use crate::setup::neighbour_of;
pub use crate::setup::{Setup, stop_at};

/// The domain that rooms are made in.
pub const DOMAIN: &str = "acme";
/// The key that the operator has. Its signs look different in a URL and in JSON.
pub const KEY: &str = "acme/key+0123456789=abcdef";
/// Another key of the same domain: for what people do by hand, and for rotation.
pub const SECOND_KEY: &str = "acme-second-key-0123456789";
/// Another domain.
pub const OTHER_DOMAIN: &str = "globex";
/// Its key.
pub const OTHER_KEY: &str = "globex-key-0123456789abcdef";
/// A key that no domain has.
pub const WRONG_KEY: &str = "wrong-key-0123456789abcdef";
/// The earliest purchased number of [`DOMAIN`].
pub const NUMBER: &str = "+12025550123";
/// The next one.
pub const SECOND_NUMBER: &str = "+14155550100";
/// A number that [`DOMAIN`] may show when it calls, and has not purchased.
pub const CALLER_ID: &str = "+12025550190";
/// A number that nobody has purchased.
pub const FOREIGN_NUMBER: &str = "+12025550177";
/// The Secret with the operator's default key.
pub const DEFAULT_KEY_SECRET: &str = "daily-default-key";
/// The name of the release, and so of the operator's ServiceAccount.
pub const RELEASE: &str = "daily-operator";

/// A moment, by the clock and in the audit log.
pub struct Since {
    pub at: Timestamp,
    /// Bytes of the log before it.
    pub audit: u64,
}

/// A namespace, a simulated Daily and an operator.
pub struct Fixture {
    pub plane: Arc<Plane>,
    /// Where objects are applied.
    pub namespace: String,
    /// The namespace of the release.
    pub home: String,
    /// All namespaces that the operator serves.
    pub served: Vec<String>,
    /// The telephone and the controls of the simulator.
    pub sim: SimClient,
    /// What a person with a key of the domain does by hand.
    pub by_hand: ByHand,
    pub client: Client,
    /// The operators that run, the latest last.
    pub operators: Vec<Operator>,
    /// Every PIN that a Ready room has shown.
    pub pins: Mutex<BTreeSet<String>>,
    /// Chosen names of rooms, each with the namespace and name of an object that chose it.
    pub chosen: Mutex<BTreeSet<(String, String, String)>>,
    /// Phone numbers, each with the namespace and name of an object that is for it.
    pub numbers: Mutex<BTreeSet<(String, String, String)>>,
    /// How the deletion of rooms may treat participants, by the namespace and name of their objects.
    pub drains: Mutex<Drains>,
    /// Whether the operator writes dial-in configs to the domain's own property.
    pub at_the_domain: bool,
    /// Other installations and clusters that use the same Daily.
    pub beside: Vec<Fixture>,
    /// When the simulator and its part of the audit log began.
    pub since: Since,
    answers: Quirks,
    launch: Launch,
    release: Release,
    logs: Vec<PathBuf>,
    // Both end when they are dropped.
    daily: Arc<Sim>,
    _folder: TempDir,
}

impl Fixture {
    /// # Errors
    /// What could not be set up.
    pub async fn start(plane: Arc<Plane>, namespace: &str, setup: Setup) -> Result<Self, String> {
        let accounts = vec![
            AccountConfig::new(DOMAIN, &[KEY, SECOND_KEY], &setup.numbers)
                .verified_caller_ids(&[CALLER_ID]),
            AccountConfig::new(OTHER_DOMAIN, &[OTHER_KEY], &[]),
        ];
        let config = Config::new(accounts).seed(setup.seed);
        let config = config
            .quirks(setup.answers)
            .clock_behind(setup.clock_behind);
        let daily = Sim::start(config).await.map_err(|e| e.to_string())?;
        Self::on(plane, namespace, setup, Arc::new(daily)).await
    }

    /// Another installation in the same cluster, which serves a namespace of its own and uses the
    /// same Daily. It is the last of [`Fixture::beside`].
    pub async fn start_installation_beside(&mut self, setup: Setup) {
        let namespace = format!("{}-two", self.home);
        let plane = Arc::clone(&self.plane);
        self.start_beside(plane, &namespace, setup).await;
    }

    /// Another cluster with a release of the same name in a namespace of the same name, which uses
    /// the same Daily. It is the last of [`Fixture::beside`].
    pub async fn start_cluster_beside(&mut self, setup: Setup) {
        let plane = self.plane.other().await.expect("it starts");
        let home = self.home.clone();
        self.start_beside(plane, &home, setup).await;
    }

    async fn start_beside(&mut self, plane: Arc<Plane>, namespace: &str, setup: Setup) {
        let daily = Arc::clone(&self.daily);
        let other = Box::pin(Self::on(plane, namespace, setup, daily)).await;
        self.beside.push(other.expect("it starts"));
    }

    /// # Errors
    /// What could not be set up.
    async fn on(
        plane: Arc<Plane>,
        namespace: &str,
        setup: Setup,
        daily: Arc<Sim>,
    ) -> Result<Self, String> {
        let sim = daily.client().map_err(|e| e.to_string())?;
        let since = Since {
            at: Timestamp::now(),
            audit: plane.audit_length(),
        };
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let client = plane.client();
        let mut served = vec![namespace.to_owned()];
        served.extend(setup.neighbour.then(|| neighbour_of(namespace)));
        for namespace in &served {
            create_namespace(&client, namespace).await?;
        }
        let values = setup.chart_values(namespace, &daily);
        let release = plane.render(RELEASE, namespace, &values).await?;
        plane.apply_rights(&release).await?;
        rights::are_granted(&client, &served).await;
        let kubeconfig = folder.path().join("kubeconfig");
        let text = plane.kubeconfig_of(namespace, RELEASE).await?;
        std::fs::write(&kubeconfig, text).map_err(|e| e.to_string())?;

        let at_the_domain = ("numberApi", json!("DomainProperties"));
        let mut fixture = Self {
            at_the_domain: setup.values.contains(&at_the_domain),
            by_hand: ByHand::new(&sim),
            chosen: Mutex::default(),
            numbers: Mutex::default(),
            drains: Mutex::default(),
            since,
            namespace: namespace.to_owned(),
            home: namespace.to_owned(),
            served,
            launch: Launch {
                args: release.operator_args()?,
                kubeconfig,
                folder: folder.path().to_owned(),
            },
            release,
            operators: Vec::new(),
            pins: Mutex::default(),
            answers: setup.answers,
            logs: Vec::new(),
            beside: Vec::new(),
            daily,
            _folder: folder,
            plane,
            sim,
            client,
        };
        fixture.begin(setup).await?;
        Ok(fixture)
    }

    /// Writes the default key and starts the operator, as the setup says.
    async fn begin(&mut self, setup: Setup) -> Result<(), String> {
        if let Some(key) = setup.default_key {
            self.write_key(DEFAULT_KEY_SECRET, key).await;
        }
        let mut env = setup.env;
        if let Some(point) = setup.hold_at {
            let file = self.hold_file();
            std::fs::write(&file, "").map_err(|e| e.to_string())?;
            let value = format!("{point}={}", file.display());
            env.push(("DAILY_OPERATOR_HOLD_AT".to_owned(), value));
        }
        if setup.starts_operator {
            self.start_operator(&env).await;
        }
        Ok(())
    }

    /// The second namespace of a fixture that has one.
    pub fn neighbour(&self) -> String {
        neighbour_of(&self.home)
    }

    /// From now on objects are in this namespace; gives the one before.
    pub fn go_to(&mut self, namespace: String) -> String {
        std::mem::replace(&mut self.namespace, namespace)
    }

    fn hold_file(&self) -> PathBuf {
        self.launch.folder.join("hold")
    }

    /// Lets an operator go on that waits at its point.
    pub fn let_go(&self) {
        std::fs::remove_file(self.hold_file()).expect("the operator was to wait");
    }

    /// Operators that are started from now on have these arguments after those of the chart.
    pub fn add_args(&mut self, args: Vec<String>) {
        self.launch.args.extend(args);
    }

    /// Runs `daily-operator check` with the chart's arguments and these.
    pub async fn check(&self, args: &[&str]) -> Checked {
        self.launch.check(&self.launch.kubeconfig, args).await
    }

    /// The same with another kubeconfig.
    pub async fn check_with(&self, kubeconfig: &Path, args: &[&str]) -> Checked {
        self.launch.check(kubeconfig, args).await
    }

    /// Starts one more operator, and waits until it is ready.
    pub async fn start_operator(&mut self, env: &[(String, String)]) {
        self.launch_operator(env);
        self.operator().ready_or_crashed().await;
    }

    /// Starts one more operator that does not become ready yet.
    pub fn launch_operator(&mut self, env: &[(String, String)]) {
        self.launch_operator_with(&[], env);
    }

    /// The same with these arguments after those of the chart.
    pub fn launch_operator_with(&mut self, args: &[String], env: &[(String, String)]) {
        let operator = self.launch.start(self.logs.len() + 1, args, env);
        self.logs.push(operator.log().to_owned());
        self.operators.push(operator);
    }

    /// Takes away what gives the operator its rights, as `helm uninstall` does before the pod goes.
    pub async fn take_rights(&self) {
        self.plane.delete(&self.release, |_| true).await;
        rights::lease_is_taken(self).await;
    }

    /// Takes away the bindings of the operator's rights. Its ServiceAccount stays.
    pub async fn take_bindings(&self) {
        let binding = |manifest: &Value| {
            let kind = manifest["kind"].as_str().unwrap_or_default();
            kind.ends_with("RoleBinding")
        };
        self.plane.delete(&self.release, binding).await;
        rights::lease_is_taken(self).await;
    }

    /// Takes away the binding of the operator's rights in all namespaces.
    pub async fn take_cluster_bindings(&self) {
        let binding = |manifest: &Value| manifest["kind"] == "ClusterRoleBinding";
        self.plane.delete(&self.release, binding).await;
        let elsewhere = ("default", "");
        rights::are_taken(self, "list", "daily-operator.io/dailyrooms", elsewhere).await;
    }

    /// Takes away what gives the operator its rights in one namespace.
    pub async fn take_rights_in(&self, namespace: &str) {
        let there = |manifest: &Value| manifest["metadata"]["namespace"] == namespace;
        self.plane.delete(&self.release, there).await;
    }

    /// Gives the operator its rights again; the ServiceAccount may be another one by now.
    pub async fn grant_rights(&self) {
        let granted = self.plane.apply_rights(&self.release).await;
        granted.expect("the rights can be granted");
        let text = self.plane.kubeconfig_of(&self.namespace, RELEASE).await;
        let text = text.expect("the ServiceAccount gets a token");
        std::fs::write(&self.launch.kubeconfig, text).expect("the kubeconfig can be written");
    }

    /// A line to the API server, and the environment that makes an operator use it.
    pub async fn link(&self) -> (Link, (String, String)) {
        let link = Link::to(self.plane.address()).await;
        let url = json!(link.url());
        let env = self.kubeconfig_with("kubeconfig-of-the-link", |it| it["server"] = url);
        (link, env)
    }

    /// A proxy that makes the API server fail, and the environment that makes an operator use it.
    pub async fn faults(&self) -> (FaultProxy, (String, String)) {
        let ca = self.plane.ca();
        let proxy = FaultProxy::start(self.plane.address(), &ca).await;
        let proxy = proxy.expect("the proxy starts");
        let env = self.trusting(&proxy);
        (proxy, env)
    }

    /// The environment that makes an operator use this proxy. Its kubeconfig has the CA of now.
    pub fn trusting(&self, proxy: &FaultProxy) -> (String, String) {
        let cluster = json!({
            "server": proxy.url(),
            "certificate-authority-data": BASE64.encode(proxy.ca().as_bytes()),
        });
        self.kubeconfig_with("kubeconfig-of-the-faults", |it| *it = cluster)
    }

    /// Another kubeconfig with the operator's token, as the environment that makes it used.
    fn kubeconfig_with(&self, name: &str, change: impl FnOnce(&mut Value)) -> (String, String) {
        let text = std::fs::read_to_string(&self.launch.kubeconfig);
        let mut kubeconfig: Value = text
            .map(|text| serde_json::from_str(&text).expect("it is JSON"))
            .expect("the kubeconfig can be read");
        change(&mut kubeconfig["clusters"][0]["cluster"]);
        let path = self.launch.folder.join(name);
        std::fs::write(&path, kubeconfig.to_string()).expect("it can be written");
        ("KUBECONFIG".to_owned(), path.display().to_string())
    }

    /// The operator that was started last.
    pub fn operator(&mut self) -> &mut Operator {
        self.operators.last_mut().expect("an operator was started")
    }

    /// All that the operators of this scenario have said.
    pub fn logs(&self) -> String {
        let read = |log| std::fs::read_to_string(log).expect("the log can be read");
        let beside = self.beside.iter().map(Self::logs);
        self.logs.iter().map(read).chain(beside).collect()
    }

    /// Writes the Secret with an API key, as a person would.
    pub async fn write_key(&self, secret: &str, key: &str) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let data = BTreeMap::from([("api-key".to_owned(), ByteString(key.into()))]);
        let manifest = Secret {
            metadata: ObjectMeta {
                name: Some(secret.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..Secret::default()
        };
        let _ = api.delete(secret, &DeleteParams::default()).await;
        let made = api.create(&PostParams::default(), &manifest).await;
        made.expect("the Secret with the key can be written");
    }

    /// How Daily answers this point on which nobody knows it.
    pub fn answer(&self, switch: &str) -> &'static str {
        let answer = self.answers.get(switch);
        answer.unwrap_or_else(|| panic!("there is no switch {switch}"))
    }

    /// The answers that are not the likelier ones.
    pub fn unlikely_answers(&self) -> String {
        let unlikely = |(switch, answer): (&daily_sim::Switch, &str)| {
            let told = format!("{}={answer}", switch.name);
            (answer != switch.default_value()).then_some(told)
        };
        let unlikely: Vec<String> = self.answers.all().filter_map(unlikely).collect();
        unlikely.join(" ")
    }

    /// The calls of the API so far.
    pub async fn journal(&self) -> Journal {
        self.journal_since(0).await
    }

    /// The calls after a mark.
    pub async fn journal_since(&self, mark: u64) -> Journal {
        let entries = self.sim.journal(mark).await;
        Journal::new(entries.expect("the simulator tells its journal"))
    }

    /// Now, in the journal.
    pub async fn mark(&self) -> u64 {
        let journal = self.journal().await;
        journal.all().last().map_or(0, |call| call.seq)
    }

    /// The answers and the ends of log and journal, for the report of a failure.
    pub async fn tails(&self) -> String {
        let logs = self.logs();
        let lines: Vec<&str> = logs.lines().collect();
        let log = lines[lines.len().saturating_sub(40)..].join("\n");
        let journal = self.journal().await.tail(30);
        let answers = self.unlikely_answers();
        format!(
            "--- unlikely answers of Daily: {answers}\n--- log of the operator\n{log}\n\
             --- journal of Daily\n{journal}"
        )
    }

    /// This installation and those beside it.
    pub fn clusters(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.beside)
    }

    /// Ends the operators, the simulator and the installations beside this one.
    pub async fn stop(mut self) {
        for operator in &mut self.operators {
            operator.kill().await;
        }
        for other in self.beside {
            Box::pin(other.stop()).await;
        }
    }
}

/// Makes a namespace.
pub async fn create_namespace(client: &Client, name: &str) -> Result<(), String> {
    let api: Api<Namespace> = Api::all(client.clone());
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let made = api.create(&PostParams::default(), &namespace).await;
    made.map(drop).map_err(|e| format!("namespace {name}: {e}"))
}
