{{ config(materialized='view') }}

with

screened as (

    select * from {{ ref('int_accounts__screened') }}

),

final as (

    select * from screened
    where left_out_reason is null

)

select * from final
