-- Give back for a node of a cluster: the locks are of several slots, so the command names no key, as with take_each.
-- ARGV  3 per lock: the lock key, its queue, its slot's counter; then 1 per lock: owner.
-- Reply as of give_back.
--@ token
--@ pass_on
local count, try, reply = #ARGV / 4, redis.pcall, {1}
local shift = 3 * count
for n = 1, count do
  local lock, queue, answer = ARGV[3 * n - 2], ARGV[3 * n - 1], 0
  local holder = try('GET', lock)
  if holder == ARGV[shift + n] then
    local waited = try('EXISTS', queue)
    if waited == 0 then
      redis.call('DEL', lock)
      answer = 1
    elseif type(waited) == 'table' then
      answer = waited
    else
      -- What fails here must not hide what became of the others.
      local done, failure = pcall(pass_on, lock, queue, ARGV[3 * n], true)
      answer = done and 1 or type(failure) == 'table' and failure or {err = failure}
    end
  elseif type(holder) == 'table' and not string.find(holder.err, 'WRONGTYPE', 1, true) then
    answer = holder
  end
  reply[n + 1] = answer
end
return reply
