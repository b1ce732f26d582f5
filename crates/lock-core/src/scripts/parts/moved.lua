-- The attempts for a record that ends `by` ms later than until now: what their ends are told by.
local function moved(attempts, by)
  return (string.gsub(attempts, '@(%-?%d+)', function(before) return string.format('@%.0f', before + by) end))
end
