-- Takes free keys that nobody waits for, each for one call of execute: the common case of park in fewer commands. The calls are independent
-- of each other. Takes that share one script call cost Redis little more than half as much.
-- KEYS  all lock keys; then their queues; then their slots' counters.
-- ARGV  all owners; then their leases in ms; then, in a cluster, '1': sync the counters to the server's TIME.
-- Reply {1, answer, ...}, one per lock: a token: held; 0: contended, or the counter cannot be used (nothing changed, and the caller parks); or
--       the error of that lock.
local try, reply, count = redis.pcall, {1}, #KEYS / 3
local sync = ARGV[2 * count + 1] == '1'

--@ token

-- The common case first: nobody waits for any of them.
local calm = try('EXISTS', unpack(KEYS, count + 1, 2 * count)) == 0
for n = 1, count do
  local answer, waited = 0, calm and 0 or try('EXISTS', KEYS[count + n])
  local held = waited == 0 and try('SET', KEYS[n], ARGV[n], 'NX', 'PX', ARGV[count + n])
  if held and held.ok then
    local good, token = pcall(next_token, KEYS[2 * count + n], sync)
    if good then
      answer = token
    else
      -- Redis rolls nothing back.
      redis.call('DEL', KEYS[n])
    end
  elseif held or type(waited) == 'table' then
    answer = held or waited
  end
  reply[n + 1] = answer
end
return reply
