-- Health of a DailyRoom or PinDialinNumber for Argo CD, from the conditions of docs/conditions.md.
-- Without it Argo CD shows no health for either kind.
local health = {status = "Progressing", message = "Waiting for the operator"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "The deletion is not complete"
  return health
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "Waiting for the operator to observe the last change"
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function isTrue(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end
local function as(status, kind)
  health.status = status
  health.message = conditions[kind].reason .. ": " .. conditions[kind].message
  return health
end

-- Stalled comes first: a user has to act, even if callers can still reach the room.
if isTrue("Stalled") then
  return as("Degraded", "Stalled")
end
if isTrue("Reconciling") then
  return as("Progressing", "Reconciling")
end
-- A room that has ended as planned is not a fault of the application.
if isTrue("Expired") then
  return as("Healthy", "Expired")
end
if isTrue("Suspended") then
  return as("Suspended", "Suspended")
end
if isTrue("Ready") then
  return as("Healthy", "Ready")
end
return health
